import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { attentionHeads, tokenMixingOf } from '../../../src/model/onnx/attention-scores.ts'
import { buildFloat, buildNode } from '../../../src/model/onnx/build-node.ts'
import { INT64 } from '../../../src/model/onnx/data-types.ts'
import type { Graph, OnnxNode } from '../../../src/model/onnx/graph.ts'
import { graphOf, info } from '../../support/onnx-model.ts'

const EMBEDDING = [
  buildNode('Gather', ['table', 'input_ids'], ['hidden']),
  buildNode('MatMul', ['hidden', 'weights'], ['query']),
  buildNode('MatMul', ['hidden', 'weights'], ['key']),
  buildNode('MatMul', ['hidden', 'weights'], ['value']),
  buildNode('Cast', ['attention_mask'], ['mask'])
]
const VALUES = buildNode('MatMul', ['attention', 'value'], ['out'])

function modelOf(nodes: readonly OnnxNode[]): Graph {
  return graphOf({
    nodes: [...EMBEDDING, ...nodes],
    initializers: [buildFloat('table', [2, 2], [1, 2, 3, 4]), buildFloat('weights', [2, 2], [1, 2, 3, 4]), buildFloat('scale', [], [2])],
    inputs: [info('input_ids', INT64), info('attention_mask', INT64)],
    outputs: [info('out')]
  })
}

const SCORES = buildNode('MatMul', ['query', 'key'], ['scores'])

describe('tokenMixingOf', () => {
  it('finds the mask after a scale and before a cast', () => {
    const add = buildNode('Add', ['mask', 'scaled'], ['masked'])
    const nodes = [
      SCORES,
      buildNode('Mul', ['scores', 'scale'], ['scaled']),
      add,
      buildNode('Cast', ['masked'], ['single']),
      buildNode('Softmax', ['single'], ['attention']),
      VALUES
    ]
    const { softmaxes, fused, strangers } = tokenMixingOf(modelOf(nodes))
    assert.deepEqual([softmaxes.length, fused.length, strangers.length], [1, 0, 0])
    assert.deepEqual(softmaxes[0]?.masking, { add, input: 0 })
    assert.equal(softmaxes[0]?.hasExtraColumns, false)
  })

  it('finds no mask when Where applies it, and does not mistake a constant for one', () => {
    const nodes = [
      SCORES,
      buildNode('Add', ['scores', 'scale'], ['moved']),
      buildNode('Where', ['mask', 'moved', 'scale'], ['masked']),
      buildNode('Softmax', ['masked'], ['attention']),
      VALUES
    ]
    const { softmaxes, strangers } = tokenMixingOf(modelOf(nodes))
    assert.deepEqual([softmaxes[0]?.masking, strangers.length], [null, 0])
  })

  it('reports columns that join unmasked scores', () => {
    const nodes = [SCORES, buildNode('Concat', ['scores', 'scale'], ['longer']), buildNode('Softmax', ['longer'], ['attention']), VALUES]
    assert.equal(tokenMixingOf(modelOf(nodes)).softmaxes[0]?.hasExtraColumns, true)
  })

  it('ignores the Softmax of a mixture-of-experts router', () => {
    const nodes = [
      buildNode('MatMul', ['hidden', 'weights'], ['router']),
      buildNode('Softmax', ['router'], ['shares']),
      buildNode('Mul', ['shares', 'hidden'], ['out'])
    ]
    assert.deepEqual(tokenMixingOf(modelOf(nodes)), { softmaxes: [], fused: [], strangers: [] })
  })

  it('names a product of two activations outside any attention', () => {
    const product = buildNode('MatMul', ['query', 'key'], ['out'])
    assert.deepEqual(tokenMixingOf(modelOf([product])).strangers, [product])
  })

  it('names a convolution over the text', () => {
    const conv = buildNode('Conv', ['hidden', 'weights'], ['out'])
    assert.deepEqual(tokenMixingOf(modelOf([conv])).strangers, [conv])
  })

  it('lists attention that is one operator', () => {
    const fused = buildNode('GroupQueryAttention', ['query', 'key', 'value'], ['out'])
    assert.deepEqual(tokenMixingOf(modelOf([fused])), { softmaxes: [], fused: [fused], strangers: [] })
  })
})

describe('attentionHeads', () => {
  it('counts only heads whose scores the graph writes out', () => {
    assert.equal(attentionHeads(modelOf([SCORES, buildNode('Softmax', ['scores'], ['attention']), VALUES]), 12), 12)
    assert.equal(attentionHeads(modelOf([buildNode('GroupQueryAttention', ['query', 'key', 'value'], ['out'])]), 12), 0)
  })
})
