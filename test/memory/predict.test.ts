import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { budgetShapes, longestShape, predictMemory } from '../../src/memory/predict.ts'
import { scoringGraph } from '../../src/model/onnx/scoring-graph.ts'
import { planPrecision } from '../../src/model/precision/precision-plan.ts'
import { roundedGraph } from '../../src/model/precision/rounded-graph.ts'
import { openGraph } from '../../src/model/weights/open-graph.ts'
import { planBatch } from '../../src/scheduling/batch-planner.ts'
import { EMBEDDED_FOLDER } from '../faults/measure.ts'

const limits = { maxModelLen: 4096, maxBatchTokens: 2048, longTextTokens: 128 }

test('the shapes of a token budget are the largest that the planner makes', () => {
  const [many, one] = budgetShapes(limits)
  const queue = Array.from({ length: 100 }, () => ({ tokenCount: 128, runsAlone: false, fed: new Int32Array(128) }))

  assert.deepEqual(many, { sequences: planBatch(queue, { limits, sharing: null }).indices.length, tokens: 128 })
  assert.deepEqual(one, { sequences: 1, tokens: 2048 })
})

test('no shape is longer than the longest text that is fed to the model', () => {
  assert.deepEqual(budgetShapes({ ...limits, maxModelLen: 65 }), [
    { sequences: 32, tokens: 64 },
    { sequences: 1, tokens: 64 }
  ])
  assert.deepEqual(longestShape({ maxModelLen: 65 }), { sequences: 2, tokens: 64 })
})

const EMBEDDED_LIMITS = { vocabSize: 4096, headSize: 32, maxModelLen: 512, maxBatchTokens: 2048, longTextTokens: 128 }

for (const form of ['blocks', 'rows'] as const)
  test(`rounding to 8-bit ${form} lowers the predicted weight memory by the float32 bytes it replaces`, () => {
    const { graph } = openGraph({ onnxPath: join(EMBEDDED_FOLDER, 'model.onnx') })
    const plan = planPrecision(graph, form)
    const float32 = predictMemory({ scoring: scoringGraph(graph), ...EMBEDDED_LIMITS })
    const rounded = predictMemory({ scoring: scoringGraph(roundedGraph(graph, plan)), ...EMBEDDED_LIMITS })
    assert.deepEqual(rounded.unknownOperators, [])
    const replacedBytes = [...plan.weights.values()].reduce((sum, { inputSize, outputSize }) => sum + 4 * inputSize * outputSize, 0)
    const difference = float32.weightBytes - rounded.weightBytes - (replacedBytes - plan.sizeBytes)
    assert.ok(Math.abs(difference) < 1 << 20, `${difference} bytes`)
  })
