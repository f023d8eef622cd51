import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { halfBits, halfTensor } from '../../../src/engine/process/half-tensor.ts'
import { InferenceSession } from '../../../src/engine/process/onnxruntime.ts'
import { buildNode } from '../../../src/model/onnx/build-node.ts'
import { FLOAT16 } from '../../../src/model/onnx/data-types.ts'
import { writeOnnx } from '../../../src/model/onnx/write.ts'
import { numbersOf } from '../../support/half-numbers.ts'
import { graphOf, info } from '../../support/onnx-model.ts'

/** 1, -2, the smallest value above 0, and one third. */
const BITS = Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x3555)

describe('halfTensor', () => {
  test('keeps every bit on the way through onnxruntime, with and without Float16Array in Node', async () => {
    const graph = graphOf({
      nodes: [buildNode('Identity', ['x'], ['y'])],
      inputs: [info('x', FLOAT16, ['n'])],
      outputs: [info('y', FLOAT16, ['n'])]
    })
    const session = await InferenceSession.create(writeOnnx(graph), { intraOpNumThreads: 1, logSeverityLevel: 4 })
    const { y } = await session.run({ x: halfTensor(BITS, [4]) })
    assert.deepEqual(halfBits(y!.data as Uint16Array), BITS)
    assert.deepEqual(numbersOf(y!), [1, -2, 2 ** -24, 0.333251953125])
  })

  test('has the given bits, type and dimensions', () => {
    const { data, type, dims, size } = halfTensor(BITS, [2, 2])
    assert.deepEqual([data, type, dims, size], [BITS, 'float16', [2, 2], 4])
  })
})
