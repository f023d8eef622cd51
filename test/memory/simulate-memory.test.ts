import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { tensorInfo } from '../../src/memory/shapes/tensor-info.ts'
import { simulateMemory } from '../../src/memory/simulate-memory.ts'
import { buildNode } from '../../src/model/onnx/build-node.ts'
import { FLOAT, INT64, type OnnxNode } from '../../src/model/onnx/graph.ts'
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
  test('counts a buffer from its node to its last reader', () => {
    const { peakBytes, peakAt } = peak(
      [buildNode('MatMul', ['x', 'w'], ['wide']), buildNode('MatMul', ['wide', 'v'], ['narrow']), buildNode('MatMul', ['narrow', 'narrow'], ['out'])],
      'narrow'
    )

    assert.equal(peakBytes, WIDE_BYTES + 4 * 2 * 4)
    assert.match(peakAt, /^MatMul narrow/)
  })

  test('writes an element-wise result over an input that nobody reads again', () => {
    const { peakBytes } = peak([buildNode('MatMul', ['x', 'w'], ['wide']), buildNode('Add', ['wide', 'wide'], ['twice'])], 'twice')
    const single = peak([buildNode('MatMul', ['x', 'w'], ['wide']), buildNode('Tanh', ['wide'], ['t'])], 't')

    assert.equal(single.peakBytes, WIDE_BYTES)
    // Read twice by one node: only the second read is the last.
    assert.equal(peakBytes, 2 * WIDE_BYTES)
  })

  test('keeps an input that is read later', () => {
    const nodes = [
      buildNode('MatMul', ['x', 'w'], ['wide']),
      buildNode('Tanh', ['wide'], ['t']),
      buildNode('Softmax', ['t'], ['s']),
      buildNode('Mul', ['s', 'wide'], ['out'])
    ]

    assert.equal(peak(nodes, 'out').peakBytes, 3 * WIDE_BYTES)
  })

  test('counts what a kernel needs beside its inputs and outputs, and frees it with the node', () => {
    const nodes = [
      buildNode('MatMul', ['x', 'w'], ['scores']),
      buildNode('Softmax', ['scores'], ['probabilities']),
      buildNode('IsNaN', ['probabilities'], ['is_nan']),
      buildNode('Where', ['is_nan', 'zero', 'probabilities'], ['guarded']),
      buildNode('MatMul', ['guarded', 'v'], ['out'])
    ]
    const { peakBytes, peakAt } = peak(nodes, 'out')

    // Probabilities, the two selections and the result; a Boolean has one byte.
    assert.equal(peakBytes, 4 * WIDE_BYTES + WIDE_BYTES / 4)
    assert.match(peakAt, /^Where/)
  })

  test('gives the outputs of an If the shapes of its branches', () => {
    const branch = (name: string) => ({ nodes: [buildNode('Tanh', ['wide'], [name])], initializers: [], inputs: [], outputs: [info(name)] })
    const choice = buildNode('If', ['x'], ['chosen'], {
      attributes: { then_branch: writeGraph('then', branch('a')), else_branch: writeGraph('else', branch('b')) },
      captures: ['wide']
    })
    const { peakBytes, unknown } = peak([buildNode('MatMul', ['x', 'w'], ['wide']), choice, buildNode('Softmax', ['chosen'], ['out'])], 'out')

    assert.deepEqual(unknown, [])
    assert.equal(peakBytes, 2 * WIDE_BYTES)
  })

  test('takes no memory for a view', () => {
    const nodes = [buildNode('Softmax', ['x'], ['s']), buildNode('Reshape', ['s', 'shape'], ['r'])]

    assert.equal(peak(nodes, 'r').peakBytes, X_BYTES)
  })

  test('counts what is made of weights alone as weights', () => {
    const { foldedBytes, peakBytes } = peak([buildNode('Transpose', ['v'], ['turned']), buildNode('Gemm', ['x', 'w'], ['out'])], 'out')

    assert.equal(foldedBytes, 100 * 2 * 4)
    assert.equal(peakBytes, WIDE_BYTES)
  })

  test('names operators whose shapes it cannot tell', () => {
    assert.deepEqual(peak([buildNode('Riddle', ['x'], ['out'])], 'out').unknown, ['Riddle'])
  })
})
