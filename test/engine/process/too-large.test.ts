import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EMBEDDED_MODEL, specOf } from '../../../bench/support/models.ts'
import { loadModel } from '../../../src/engine/process/session.ts'

const limits = { maxModelLen: 512, maxBatchTokens: 2048, longTextTokens: 128 }

test('a model that does not fit into memory is rejected with `model_too_large`', async () => {
  await assert.rejects(loadModel({ ...specOf(EMBEDDED_MODEL), memory: { ...limits, limitBytes: 100 << 20 } }), { code: 'model_too_large' })
})

test('a model that fits reports its predicted memory', async () => {
  const model = await loadModel({ ...specOf(EMBEDDED_MODEL), memory: { ...limits, limitBytes: null } })
  await model.release()

  assert.ok((model.memory?.prediction.totalBytes ?? 0) > (model.memory?.prediction.weightBytes ?? 0))
})
