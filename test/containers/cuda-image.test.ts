/** Builds the image for NVIDIA GPUs. `npm run test:containers`. Nothing here starts it on a GPU. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startDocker } from './docker.ts'

const SCRIPT = "console.log(require('node:fs').readdirSync('/app/node_modules/onnxruntime-node/bin/napi-v6/linux/x64').join())"

const docker = await startDocker(['node:24-bookworm-slim', 'nvidia/cuda:13.0.1-runtime-ubuntu22.04'])
const options = typeof docker === 'string' ? { skip: docker } : { timeout: 900_000 }

test('the CUDA image builds, and its provider library lies beside the runtime', options, async (t) => {
  if (typeof docker === 'string') return
  t.after(() => docker.stop())
  await docker.run(['build', '--target', 'cuda', '--tag', 'logpr:cuda', '.'])
  assert.match(await docker.run(['run', '--rm', 'logpr:cuda', 'node', '-e', SCRIPT]), /libonnxruntime_providers_cuda\.so/)
})
