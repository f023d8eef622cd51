import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EMBEDDED_MODEL, specOf } from '../../../bench/support/models.ts'
import { loadModel } from '../../../src/engine/process/session.ts'
import { present } from '../../support/present.ts'

const limits = { maxModelLen: 512, maxBatchTokens: 2048, longTextTokens: 128 }

test('a model that does not fit is refused with a reason of its own', async () => {
  await assert.rejects(loadModel({ ...specOf(EMBEDDED_MODEL), memory: { ...limits, limitBytes: 100 << 20 } }), { code: 'model_too_large' })
})

test('one that fits says what it was predicted to need', async () => {
  const model = await loadModel({ ...specOf(EMBEDDED_MODEL), memory: { ...limits, limitBytes: null } })
  await model.release()

  assert.ok(present(model.memory?.prediction.totalBytes) > present(model.memory?.prediction.weightBytes))
})
