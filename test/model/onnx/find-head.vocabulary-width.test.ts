import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { buildFloat, buildNode } from '../../../src/model/onnx/build-node.ts'
import { findHead, vocabularyWidth } from '../../../src/model/onnx/find-head.ts'
import { FLOAT, type Graph, type OnnxNode, type TensorInfo } from '../../../src/model/onnx/graph.ts'
import { graphOf, info } from '../../support/onnx-model.ts'

function widthOf(nodes: readonly OnnxNode[], dims: readonly number[], shape: TensorInfo['shape'] = ['b', 's', 'v']): number | null {
  const graph: Graph = graphOf({
    nodes: [buildNode('Neg', ['x'], ['hidden']), ...nodes],
    initializers: [buildFloat('w', dims, new Array(dims.reduce((a, b) => a * b, 1)).fill(0))],
    inputs: [info('x')],
    outputs: [info('logits', FLOAT, shape)]
  })
  return vocabularyWidth(graph, findHead(graph))
}

describe('vocabularyWidth', () => {
  const product = (matrix: string): OnnxNode => buildNode('MatMul', ['hidden', matrix], ['logits'])

  it('is what the logits declare', () => assert.equal(widthOf([product('w')], [2, 5], ['b', 's', 7]), 7))
  it('is the number of columns where they declare none', () => assert.equal(widthOf([product('w')], [2, 5]), 5))
  it('is the number of rows of a matrix that is transposed', () => {
    assert.equal(widthOf([buildNode('Transpose', ['w'], ['t'], { attributes: { perm: [1, 0] } }), product('t')], [5, 2]), 5)
    assert.equal(widthOf([buildNode('Transpose', ['w'], ['t']), product('t')], [5, 2]), 5)
    assert.equal(widthOf([buildNode('Gemm', ['hidden', 'w'], ['logits'], { attributes: { transB: 1 } })], [5, 2]), 5)
  })
  it('is found behind quantized weights', () => assert.equal(widthOf([buildNode('DequantizeLinear', ['w', 'w'], ['d']), product('d')], [2, 5]), 5))
  it('is N of a product of few bits', () => {
    assert.equal(widthOf([buildNode('MatMulNBits', ['hidden', 'w'], ['logits'], { attributes: { K: 2, N: 9, bits: 4 } })], [9, 1, 1]), 9)
  })
  it('is not known where an operator makes the matrix', () => assert.equal(widthOf([buildNode('Neg', ['w'], ['n']), product('n')], [2, 5]), null))
})
