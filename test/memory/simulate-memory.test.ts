import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { tensorInfo } from '../../src/memory/shapes/tensor-info.ts'
import { simulateMemory } from '../../src/memory/simulate-memory.ts'
import { buildNode } from '../../src/model/onnx/build-node.ts'
import { FLOAT, INT64 } from '../../src/model/onnx/data-types.ts'
import type { OnnxNode } from '../../src/model/onnx/graph.ts'
import { writeGraph } from '../../src/model/onnx/write.ts'
import { info } from '../support/onnx-model.ts'

const X = new Map([['x', tensorInfo(FLOAT, [4, 8])]])
const W = new Map([
  ['w', tensorInfo(FLOAT, [8, 100])],
  ['v', tensorInfo(FLOAT, [100, 2])],
  ['zero', tensorInfo(FLOAT, [])],
  ['shape', tensorInfo(INT64, [2], [2, 16])]
])
const X_BYTES = 4 * 8 * 4
const WIDE_BYTES = 4 * 100 * 4

function peak(nodes: readonly OnnxNode[], output: string) {
  return simulateMemory({ nodes, outputs: [info(output)] }, { inputs: X, weights: W })
}

describe('simulateMemory', () => {
  test('counts a buffer from the node that writes it to its last reader', () => {
    const { peakBytes, peakAt } = peak(
      [buildNode('MatMul', ['x', 'w'], ['wide']), buildNode('MatMul', ['wide', 'v'], ['narrow']), buildNode('MatMul', ['narrow', 'narrow'], ['out'])],
      'narrow'
    )

    assert.equal(peakBytes, WIDE_BYTES + 4 * 2 * 4)
    assert.match(peakAt, /^MatMul narrow/)
  })

  test('overwrites an input with an element-wise result after the last read', () => {
    const { peakBytes } = peak([buildNode('MatMul', ['x', 'w'], ['wide']), buildNode('Add', ['wide', 'wide'], ['twice'])], 'twice')
    const single = peak([buildNode('MatMul', ['x', 'w'], ['wide']), buildNode('Tanh', ['wide'], ['t'])], 't')

    assert.equal(single.peakBytes, WIDE_BYTES)
    // Add reads `wide` twice, so no single read is its only remaining one.
    assert.equal(peakBytes, 2 * WIDE_BYTES)
  })

  test('keeps an input that a later node reads', () => {
    const nodes = [
      buildNode('MatMul', ['x', 'w'], ['wide']),
      buildNode('Tanh', ['wide'], ['t']),
      buildNode('Softmax', ['t'], ['s']),
      buildNode('Mul', ['s', 'wide'], ['out'])
    ]

    assert.equal(peak(nodes, 'out').peakBytes, 3 * WIDE_BYTES)
  })

  test('counts the temporary buffers of a kernel while its node runs', () => {
    const nodes = [
      buildNode('MatMul', ['x', 'w'], ['scores']),
      buildNode('Softmax', ['scores'], ['probabilities']),
      buildNode('IsNaN', ['probabilities'], ['is_nan']),
      buildNode('Where', ['is_nan', 'zero', 'probabilities'], ['guarded']),
      buildNode('MatMul', ['guarded', 'v'], ['out'])
    ]
    const { peakBytes, peakAt } = peak(nodes, 'out')

    // The probabilities, the two selections and the result in float32, and the Boolean condition.
    assert.equal(peakBytes, 4 * WIDE_BYTES + WIDE_BYTES / 4)
    assert.match(peakAt, /^Where/)
  })

  test('gives the output of an If the shape of a branch output', () => {
    const branch = (name: string) => ({ nodes: [buildNode('Tanh', ['wide'], [name])], initializers: [], inputs: [], outputs: [info(name)] })
    const choice = buildNode('If', ['x'], ['chosen'], {
      attributes: { then_branch: writeGraph('then', branch('a')), else_branch: writeGraph('else', branch('b')) },
      captures: ['wide']
    })
    const { peakBytes, unknown } = peak([buildNode('MatMul', ['x', 'w'], ['wide']), choice, buildNode('Softmax', ['chosen'], ['out'])], 'out')

    assert.deepEqual(unknown, [])
    assert.equal(peakBytes, 2 * WIDE_BYTES)
  })

  test('counts no memory for a view', () => {
    const nodes = [buildNode('Softmax', ['x'], ['s']), buildNode('Reshape', ['s', 'shape'], ['r'])]

    assert.equal(peak(nodes, 'r').peakBytes, X_BYTES)
  })

  test('counts tensors computed from weights alone as weights', () => {
    const { foldedBytes, peakBytes } = peak([buildNode('Transpose', ['v'], ['turned']), buildNode('Gemm', ['x', 'w'], ['out'])], 'out')

    assert.equal(foldedBytes, 100 * 2 * 4)
    assert.equal(peakBytes, WIDE_BYTES)
  })

  test('names operators whose output shapes are unknown', () => {
    assert.deepEqual(peak([buildNode('Riddle', ['x'], ['out'])], 'out').unknown, ['Riddle'])
  })
})
