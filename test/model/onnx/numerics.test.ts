import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { buildNode, buildTensor } from '../../../src/model/onnx/build-node.ts'
import { BFLOAT16, FLOAT, FLOAT16, type Graph, INT4, INT8, type Initializer, type OnnxNode, UINT8 } from '../../../src/model/onnx/graph.ts'
import { type Numerics, numericsOf } from '../../../src/model/onnx/numerics.ts'
import { graphOf, info } from '../../support/onnx-model.ts'

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

  it('does not take a bias of half floats for the weights', () => {
    const graph = model([buildNode('Gemm', ['hidden', 'w', 'b'], ['logits'])], [matrix('w', FLOAT), buildTensor('b', [2], FLOAT16, new Uint8Array(4))])
    assert.equal(numericsOf(graph).weights, 'float32')
  })
})
