import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { tempFolder } from '../support/temp-folder.ts'

const RUNTIME = pathToFileURL(join(PACKAGE_FOLDER, 'dist', 'src', 'engine', 'process', 'onnxruntime.js')).href
const MODEL = join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en', 'model.onnx')

function run(program: string, home: string): { readonly status: number | null; readonly stderr: string } {
  const env = { PATH: process.env.PATH, HOME: home, TMPDIR: home, ORT_DISABLE_TELEMETRY: '0' }
  return spawnSync(process.execPath, ['--input-type=module', '-e', program], { env, encoding: 'utf8' })
}

test('loading a model writes no file into the home and temporary folders, even if the environment asks for telemetry', (t) => {
  const home = tempFolder(t)
  // The telemetry of 1.30 writes its database and its log when the first session is created.
  const { status, stderr } = run(
    `const { InferenceSession } = await import('${RUNTIME}'); await InferenceSession.create(${JSON.stringify(MODEL)}); process.stdout.write('loaded')`,
    home
  )
  assert.equal(status, 0, stderr)
  assert.deepEqual(readdirSync(home, { recursive: true }), [])
})

test('a worker thread cannot load the runtime with telemetry: its environment is a copy that the library does not see', (t) => {
  const thread = `import('${RUNTIME}').then(() => process.exit(0))`
  const { status, stderr } = run(`const { Worker } = await import('node:worker_threads'); new Worker(${JSON.stringify(thread)}, { eval: true })`, tempFolder(t))
  assert.equal(status, 1)
  assert.match(stderr, /ONNX Runtime would send telemetry: import process\/no-telemetry\.ts in the main thread/)
})
