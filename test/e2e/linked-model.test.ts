import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, mkdtempSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { startService } from '../support/running-service.ts'

test('a model folder of links to blobs with other names is served, and its weights are hashed once', async (t) => {
  const cache = mkdtempSync(join(tmpdir(), 'logpr-'))
  const [blobs, snapshot] = [join(cache, 'blobs'), join(cache, 'snapshot')]
  for (const folder of [blobs, snapshot]) mkdirSync(folder)
  for (const [i, file] of ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.onnx'].entries()) {
    copyFileSync(join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en', file), join(blobs, `blob${i}`))
    symlinkSync(join('..', 'blobs', `blob${i}`), join(snapshot, file))
  }

  const service = await startService({ LOGPR_MODEL: snapshot })
  t.after(() => service.stop())
  const { data } = (await (await service.get('/v1/models')).json()) as { data: { id: string; files: { file: string }[] }[] }

  assert.deepEqual(
    [data[0]?.id, data[0]?.files.map(({ file }) => file)],
    ['snapshot', ['model.onnx', 'config.json', 'tokenizer.json', 'tokenizer_config.json']]
  )
})
