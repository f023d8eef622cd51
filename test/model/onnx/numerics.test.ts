import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { buildNode, buildTensor } from '../../../src/model/onnx/build-node.ts'
import { BFLOAT16, FLOAT, FLOAT16, INT4, INT8, UINT8 } from '../../../src/model/onnx/data-types.ts'
import type { Graph, Initializer, OnnxNode } from '../../../src/model/onnx/graph.ts'
import { type Numerics, numericsOf, wholeTensorQuantizers } from '../../../src/model/onnx/numerics.ts'
import { writeBytes } from '../../../src/model/onnx/wire.ts'
import { writeGraph } from '../../../src/model/onnx/write.ts'
import { graphOf, info } from '../../support/onnx-model.ts'
import { present } from '../../support/present.ts'

const matrix = (name: string, dataType: number): Initializer => buildTensor(name, [2, 2], dataType, new Uint8Array(16))
const model = (nodes: readonly OnnxNode[], initializers: readonly Initializer[], logits = FLOAT): Graph =>
  graphOf({ nodes, initializers, outputs: [info('logits', logits)] })
const product = buildNode('MatMul', ['hidden', 'w'], ['logits'])
const bits = (attributes: Readonly<Record<string, number>>): OnnxNode => buildNode('MatMulNBits', ['hidden', 'w', 's'], ['logits'], { attributes })

describe('numericsOf', () => {
  const MODELS: readonly [string, Graph, Numerics][] = [
    ['float32', model([product], [matrix('w', FLOAT)]), { weights: 'float32', activations: 'float32', logits: 'float32' }],
    ['float16 throughout', model([product], [matrix('w', FLOAT16)], FLOAT16), { weights: 'float16', activations: 'float16', logits: 'float16' }],
    [
      'float16 with logits that are cast',
      model([buildNode('MatMul', ['hidden', 'w'], ['p']), buildNode('Cast', ['p'], ['logits'])], [matrix('w', FLOAT16)]),
      { weights: 'float16', activations: 'float16', logits: 'float32' }
    ],
    [
      'weights kept in float16 and cast before use',
      model([buildNode('Cast', ['w'], ['w32']), buildNode('MatMul', ['hidden', 'w32'], ['logits'])], [matrix('w', FLOAT16)]),
      { weights: 'float16', activations: 'float32', logits: 'float32' }
    ],
    ['bfloat16', model([product], [matrix('w', BFLOAT16)], BFLOAT16), { weights: 'bfloat16', activations: 'bfloat16', logits: 'bfloat16' }],
    ['4 bits', model([bits({ bits: 4 })], [matrix('w', UINT8), matrix('s', FLOAT)]), { weights: 'int4', activations: 'float32', logits: 'float32' }],
    [
      '4 bits with activations of 8',
      model([bits({ bits: 4, accuracy_level: 4 })], [matrix('s', FLOAT)]),
      { weights: 'int4', activations: 'int8_blocks', logits: 'float32' }
    ],
    ['4 bits in half precision', model([bits({ bits: 4 })], [matrix('s', FLOAT16)]), { weights: 'int4', activations: 'float16', logits: 'float32' }],
    ['8 bits of weights alone', model([bits({ bits: 8 })], [matrix('s', FLOAT)]), { weights: 'int8', activations: 'float32', logits: 'float32' }],
    ['2 bits', model([bits({ bits: 2 })], [matrix('s', FLOAT)]), { weights: 'int2', activations: 'float32', logits: 'float32' }],
    [
      'normal floats of 4 bits',
      model([buildNode('MatMulBnb4', ['hidden', 'w', 's'], ['logits'])], [matrix('s', FLOAT)]),
      { weights: 'bnb4', activations: 'float32', logits: 'float32' }
    ],
    [
      'a matrix of 4 bits that is made floats and transposed',
      model(
        [buildNode('DequantizeLinear', ['w', 's'], ['d']), buildNode('Transpose', ['d'], ['t']), buildNode('MatMul', ['hidden', 't'], ['logits'])],
        [matrix('w', INT4), matrix('s', FLOAT)]
      ),
      { weights: 'int4', activations: 'float32', logits: 'float32' }
    ],
    [
      'dynamic 8 bits',
      model(
        [buildNode('DynamicQuantizeLinear', ['hidden'], ['q', 'scale', 'zero']), buildNode('MatMulInteger', ['q', 'w', 'zero'], ['logits'])],
        [matrix('w', INT8)]
      ),
      { weights: 'int8', activations: 'int8_tensor', logits: 'float32' }
    ],
    [
      'static 8 bits',
      model(
        [buildNode('QuantizeLinear', ['hidden', 's'], ['q']), buildNode('QLinearMatMul', ['q', 's', 'z', 'w', 's', 'z'], ['logits'])],
        [matrix('w', UINT8)]
      ),
      { weights: 'uint8', activations: 'int8_static', logits: 'float32' }
    ],
    [
      'the coarsest of several',
      model([bits({ bits: 4 }), buildNode('MatMul', ['h', 'f'], ['x'])], [matrix('s', FLOAT), matrix('f', FLOAT)]),
      { weights: 'int4', activations: 'float32', logits: 'float32' }
    ]
  ]
  for (const [what, graph, expected] of MODELS) it(`recognises ${what}`, () => assert.deepEqual(numericsOf(graph), expected))

  it('does not mistake a float16 bias for the weights', () => {
    const graph = model([buildNode('Gemm', ['hidden', 'w', 'b'], ['logits'])], [matrix('w', FLOAT), buildTensor('b', [2], FLOAT16, new Uint8Array(4))])
    assert.equal(numericsOf(graph).weights, 'float32')
  })
})

const quantize = (tag: string): OnnxNode => buildNode('DynamicQuantizeLinear', ['a'], [`${tag}.q`, `${tag}.s`, `${tag}.z`])
const named = (...tags: string[]): { opType: string; name: string }[] =>
  tags.map((tag) => ({ opType: 'DynamicQuantizeLinear', name: `${tag}.q/DynamicQuantizeLinear` }))
const subgraph = (...nodes: OnnxNode[]): Uint8Array => writeGraph('branch', { nodes, initializers: [], inputs: [], outputs: [info('b')] })
const encodedNode = (node: OnnxNode): Uint8Array =>
  writeBytes(7, [
    writeBytes(1, present(node.inputs[0])),
    writeBytes(2, present(node.outputs[0])),
    writeBytes(3, node.name),
    writeBytes(4, node.opType),
    writeBytes(7, node.domain)
  ])
const functionOf = (name: string, ...nodes: OnnxNode[]): Uint8Array => Buffer.concat([writeBytes(1, name), ...nodes.map(encodedNode), writeBytes(10, 'local')])
const call = (name: string): OnnxNode => ({ ...buildNode(name, ['a'], ['b']), domain: 'local' })

describe('wholeTensorQuantizers', () => {
  for (const opType of ['DynamicQuantizeLinear', 'DynamicQuantizeMatMul', 'DynamicQuantizeLSTM']) {
    it(`lists ${opType} with its name`, () => {
      const graph = graphOf({ nodes: [buildNode('MatMul', ['a', 'b'], ['c']), buildNode(opType, ['a'], ['y'])] })
      assert.deepEqual(wholeTensorQuantizers(graph), [{ opType, name: `y/${opType}` }])
    })
  }

  it('lists none of a graph that quantizes weights, or activations row by row', () => {
    const nodes = ['MatMul', 'MatMulNBits', 'MatMulBnb4', 'DequantizeLinear', 'QuantizeLinear', 'GatherBlockQuantized'].map((opType) =>
      buildNode(opType, ['a'], [opType])
    )
    assert.deepEqual(wholeTensorQuantizers(graphOf({ nodes })), [])
  })

  it('counts one quantization once, however many integer products it feeds', () => {
    const products = ['x', 'y'].map((output) => buildNode('MatMulIntegerToFloat', ['one.q', 'w', 'one.s'], [output]))
    assert.deepEqual(wholeTensorQuantizers(graphOf({ nodes: [quantize('one'), ...products] })), named('one'))
  })

  it('finds operators in branches, and in branches of branches', () => {
    const inner = buildNode('If', ['f'], ['b'], { attributes: { then_branch: subgraph(quantize('deep')), else_branch: subgraph() } })
    const outer = buildNode('If', ['f'], ['b'], { attributes: { then_branch: subgraph(inner, quantize('then')), else_branch: subgraph(quantize('else')) } })
    assert.deepEqual(wholeTensorQuantizers(graphOf({ nodes: [outer] })), named('deep', 'then', 'else'))
  })

  it('counts a function at every call, and ignores one that is never called', () => {
    const functions = [functionOf('Outer', call('Inner')), functionOf('Inner', quantize('inner')), functionOf('Unused', quantize('unused'))]
    const nodes = [call('Outer'), call('Inner')]
    assert.deepEqual(wholeTensorQuantizers(graphOf({ nodes, functions })), named('inner', 'inner'))
  })

  it('stops at a function that calls itself', () => {
    const functions = [functionOf('Loop', call('Loop'), quantize('one'))]
    assert.deepEqual(wholeTensorQuantizers(graphOf({ nodes: [call('Loop')], functions })), named('one'))
  })
})
