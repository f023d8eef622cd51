import assert from 'node:assert/strict'
import { test } from 'node:test'
import { budgetShapes, longestShape } from '../../src/memory/predict.ts'
import { planBatch } from '../../src/scheduling/batch-planner.ts'

const limits = { maxModelLen: 4096, maxBatchTokens: 2048, longTextTokens: 128 }

test('the shapes of a budget are the largest that the planner makes', () => {
  const [many, one] = budgetShapes(limits)
  const queue = Array.from({ length: 100 }, () => ({ tokenCount: 128, runsAlone: false, fed: new Int32Array(128) }))

  assert.deepEqual(many, { sequences: planBatch(queue, { limits, sharing: null }).indices.length, tokens: 128 })
  assert.deepEqual(one, { sequences: 1, tokens: 2048 })
})

test('no shape is longer than what the model is fed with', () => {
  assert.deepEqual(budgetShapes({ ...limits, maxModelLen: 65 }), [
    { sequences: 32, tokens: 64 },
    { sequences: 1, tokens: 64 }
  ])
  assert.deepEqual(longestShape({ maxModelLen: 65 }), { sequences: 2, tokens: 64 })
})
