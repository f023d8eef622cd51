import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { predictMemory } from '../../src/memory/predict.ts'
import { scoringGraph } from '../../src/model/onnx/scoring-graph.ts'
import { planPrecision } from '../../src/model/precision/precision-plan.ts'
import { roundedGraph } from '../../src/model/precision/rounded-graph.ts'
import { openGraph } from '../../src/model/weights/open-graph.ts'
import { EMBEDDED_FOLDER } from '../faults/measure.ts'

const LIMITS = { vocabSize: 4096, headSize: 32, maxModelLen: 512, maxBatchTokens: 2048, longTextTokens: 128 }

for (const form of ['blocks', 'rows'] as const)
  test(`8-bit weights are predicted to take what their file has, beside what stays in float32: ${form}`, () => {
    const { graph } = openGraph({ onnxPath: join(EMBEDDED_FOLDER, 'model.onnx') })
    const plan = planPrecision(graph, form)
    const own = predictMemory({ scoring: scoringGraph(graph), ...LIMITS })
    const rounded = predictMemory({ scoring: scoringGraph(roundedGraph(graph, plan)), ...LIMITS })
    assert.deepEqual(rounded.unknownOperators, [])
    const taken = [...plan.weights.values()].reduce((sum, { inputSize, outputSize }) => sum + 4 * inputSize * outputSize, 0)
    const difference = own.weightBytes - rounded.weightBytes - (taken - plan.sizeBytes)
    assert.ok(Math.abs(difference) < 1 << 20, `${difference} bytes`)
  })
