import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { buildFloat, buildNode } from '../../../src/model/onnx/build-node.ts'
import { FLOAT, FLOAT16, INT64 } from '../../../src/model/onnx/data-types.ts'
import type { Graph, Initializer } from '../../../src/model/onnx/graph.ts'
import { numericsOf } from '../../../src/model/onnx/numerics.ts'
import { planPrecision } from '../../../src/model/precision/precision-plan.ts'
import { roundedGraph } from '../../../src/model/precision/rounded-graph.ts'
import { graphOf, info } from '../../support/onnx-model.ts'
import { present } from '../../support/present.ts'

/** A float32 matrix in the model file. */
function stored(name: string, dims: readonly number[], dataType = FLOAT): Initializer {
  return { name, dims, dataType, location: 'model.onnx', value: { offset: 0, length: dims.reduce((a, b) => a * b, 4) } }
}

const GRAPH: Graph = graphOf({
  nodes: [
    buildNode('Gather', ['embedding', 'input_ids'], ['a'], { attributes: { axis: 0 } }),
    buildNode('MatMul', ['a', 'wide'], ['b']),
    buildNode('MatMul', ['a', 'shared'], ['c']),
    buildNode('Gemm', ['b', 'turned', 'bias'], ['d'], { attributes: { transB: 1 } }),
    buildNode('MatMul', ['a', 'narrow'], ['e']),
    buildNode('MatMul', ['d', 'head'], ['logits'])
  ],
  initializers: [
    stored('embedding', [1000, 256]),
    stored('wide', [256, 512]),
    stored('shared', [256, 256]),
    stored('turned', [384, 512]),
    buildFloat('bias', [1], [0]),
    stored('narrow', [256, 8]),
    stored('head', [384, 1000])
  ],
  inputs: [info('input_ids', INT64, ['batch', 'sequence'])],
  outputs: [info('logits', FLOAT, ['batch', 'sequence', 1000])]
})

describe('planPrecision', () => {
  it('rounds large products, also transposed ones, but not the head, the embedding and small ones', () => {
    const { products } = planPrecision(GRAPH, 'blocks')
    assert.deepEqual(
      products.map(({ weight, inputSize, outputSize, isTransposed, bias }) => [weight.name, inputSize, outputSize, isTransposed, bias]),
      [
        ['wide', 256, 512, false, null],
        ['shared', 256, 256, false, null],
        ['turned', 512, 384, true, 'bias']
      ]
    )
  })

  for (const form of ['blocks', 'rows'] as const)
    it(`gives each matrix its own range, one after the other, in ${form}`, () => {
      const { weights, sizeBytes } = planPrecision(GRAPH, form)
      const ranges = [...weights.values()].flatMap(({ values, scales }) => [values, scales])
      ranges.reduce((end, { offset, length }) => {
        assert.ok(offset >= end && offset - end < 4096 && offset % 4096 === 0)
        return offset + length
      }, 0)
      assert.equal(sizeBytes, present(ranges.at(-1)?.offset) + present(ranges.at(-1)?.length))
    })

  for (const [what, graph] of [
    ['float16', { ...GRAPH, initializers: GRAPH.initializers.map((each) => ({ ...each, dataType: each.name === 'wide' ? FLOAT16 : each.dataType })) }],
    ['int4', { ...GRAPH, nodes: [{ ...buildNode('MatMulNBits', ['a', 'q', 's'], ['q1']), domain: 'com.microsoft' }, ...GRAPH.nodes] }]
  ] as const)
    it(`refuses a model with ${what} weights and says what to do`, () => {
      assert.throws(() => planPrecision(graph, 'rows'), { code: 'configuration_invalid', message: new RegExp(`this model has ${what}.*--dtype fp32`) })
    })

  it('refuses a model without a product to round', () => {
    assert.throws(() => planPrecision({ ...GRAPH, nodes: [GRAPH.nodes[0]!, buildNode('MatMul', ['a', 'head'], ['logits'])] }, 'rows'), {
      code: 'model_unsupported'
    })
  })
})

describe('roundedGraph', () => {
  for (const form of ['blocks', 'rows'] as const) {
    const plan = planPrecision(GRAPH, form)
    const graph = roundedGraph(GRAPH, plan)

    it(`does not read float32 weights of rounded products, in ${form}`, () => {
      const left = graph.initializers.map(({ name }) => name)
      assert.deepEqual(
        ['wide', 'shared', 'turned', 'head', 'embedding', 'narrow'].filter((name) => left.includes(name)),
        ['head', 'embedding', 'narrow']
      )
    })

    it(`computes with the numerics of the plan, in ${form}`, () => {
      assert.equal(plan.numerics.weights, numericsOf(graph).weights)
      assert.equal(plan.numerics.activations, form === 'blocks' ? numericsOf(graph).activations : 'int8_rows')
    })
  }

  it('rounds the rows of an input once for all of its products', () => {
    const quantizers = roundedGraph(GRAPH, planPrecision(GRAPH, 'rows')).nodes.filter(({ opType }) => opType === 'QuantizeLinear')
    assert.equal(quantizers.length, 2)
  })
})
