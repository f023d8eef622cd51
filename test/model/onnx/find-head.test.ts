import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { buildFloat, buildNode } from '../../../src/model/onnx/build-node.ts'
import { findHead } from '../../../src/model/onnx/find-head.ts'
import { FLOAT, type Graph, type OnnxNode } from '../../../src/model/onnx/graph.ts'
import { graphOf, info } from '../../support/onnx-model.ts'

const WEIGHTS = ['head', 'bias', 'cap', 'mask'].map((name) => buildFloat(name, [1], [1]))

function modelWith(head: readonly OnnxNode[], output = 'logits'): Graph {
  return graphOf({
    nodes: [buildNode('LayerNormalization', ['input'], ['hidden']), buildNode('Cache', ['input'], ['present']), ...head],
    initializers: WEIGHTS,
    inputs: [info('input')],
    outputs: [info('present'), info(output)]
  })
}

const product = (output: string): OnnxNode => buildNode('MatMul', ['hidden', 'head'], [output])

describe('findHead', () => {
  const HEADS: readonly [string, readonly OnnxNode[]][] = [
    ['MatMul', [product('logits')]],
    ['Gemm', [buildNode('Gemm', ['hidden', 'head', 'bias'], ['logits'])]],
    ['a 4-bit product', [buildNode('MatMulNBits', ['hidden', 'head', 'bias'], ['logits'])]],
    ['MatMul and a bias', [product('p'), buildNode('Add', ['p', 'bias'], ['logits'])]],
    ['a bias that stands first', [product('p'), buildNode('Add', ['bias', 'p'], ['logits'])]],
    ['a soft cap', [product('p'), buildNode('Div', ['p', 'cap'], ['d']), buildNode('Tanh', ['d'], ['t']), buildNode('Mul', ['t', 'cap'], ['logits'])]],
    ['a product of 4 bits with zero points and an order of groups', [buildNode('MatMulNBits', ['hidden', 'head', 'bias', 'cap', 'mask'], ['logits'])]],
    ['a product of normal floats', [buildNode('MatMulBnb4', ['hidden', 'head', 'bias'], ['logits'])]],
    [
      'a scale, a bias and a bound',
      [product('p'), buildNode('Mul', ['p', 'cap'], ['m']), buildNode('Add', ['m', 'bias'], ['a']), buildNode('Clip', ['a', 'cap', 'cap'], ['logits'])]
    ],
    [
      'a static 8-bit product',
      [
        buildNode('QLinearMatMul', ['hidden', 'cap', 'mask', 'head', 'cap', 'mask', 'cap', 'mask'], ['q']),
        buildNode('DequantizeLinear', ['q', 'cap', 'mask'], ['logits'])
      ]
    ],
    ['a cast', [product('p'), buildNode('Cast', ['p'], ['logits'], { attributes: { to: FLOAT } })]],
    ['a mask', [product('p'), buildNode('Where', ['mask', 'p', 'cap'], ['logits'])]]
  ]
  for (const [what, nodes] of HEADS) {
    it(`finds ${what}`, () => {
      const head = findHead(modelWith(nodes))
      assert.equal(head.hidden, 'hidden')
      assert.equal(head.logits.name, 'logits')
      assert.deepEqual(head.nodes, nodes)
    })
  }

  it('finds a product of quantized hidden states, whose rows are the quantized bytes', () => {
    const quantize = buildNode('DynamicQuantizeLinear', ['hidden'], ['q', 'scale', 'zero_point'])
    const scales = buildNode('Mul', ['scale', 'cap'], ['scales'])
    const nodes = [
      buildNode('MatMulInteger', ['q', 'head', 'zero_point', 'mask'], ['sum']),
      buildNode('Cast', ['sum'], ['float_sum'], { attributes: { to: FLOAT } }),
      buildNode('Mul', ['float_sum', 'scales'], ['product']),
      buildNode('Add', ['product', 'bias'], ['logits'])
    ]
    const head = findHead(modelWith([quantize, scales, ...nodes]))
    assert.deepEqual([head.hidden, head.nodes], ['q', nodes])
  })

  it('finds a product with a matrix that is made of weights', () => {
    const nodes = [buildNode('MatMul', ['hidden', 'matrix'], ['logits'])]
    const graph = modelWith([buildNode('DequantizeLinear', ['head', 'cap', 'mask'], ['large']), buildNode('Transpose', ['large'], ['matrix']), ...nodes])
    assert.deepEqual(findHead(graph).nodes, nodes)
  })

  it('leaves out a Reshape that follows the product, and says what the product makes', () => {
    const gemm = buildNode('Gemm', ['hidden', 'head'], ['rows'])
    const head = findHead(modelWith([gemm, buildNode('Shape', ['input'], ['shape']), buildNode('Reshape', ['rows', 'shape'], ['logits'])]))
    assert.deepEqual([head.nodes, head.output], [[gemm], 'rows'])
  })

  it('joins what stands on both sides of such a Reshape', () => {
    const nodes = [
      buildNode('Gemm', ['hidden', 'head'], ['rows']),
      buildNode('Reshape', ['rows', 'mask'], ['shaped']),
      buildNode('Add', ['shaped', 'bias'], ['logits'])
    ]
    const head = findHead(modelWith(nodes))
    assert.deepEqual(
      head.nodes.map(({ opType, inputs }) => [opType, inputs]),
      [
        ['Gemm', ['hidden', 'head']],
        ['Add', ['rows', 'bias']]
      ]
    )
    assert.equal(head.output, 'logits')
  })

  it('takes the output of a Constant node for a constant', () => {
    const nodes = [product('p'), buildNode('Mul', ['p', 'scale'], ['logits'])]
    const graph = modelWith([buildNode('Constant', [], ['scale']), ...nodes])
    assert.deepEqual(findHead(graph).nodes, nodes)
  })

  it('takes an output whose name holds logits when none is called so', () => {
    assert.equal(findHead(modelWith([product('lm_Logits_0')], 'lm_Logits_0')).logits.name, 'lm_Logits_0')
  })

  const tailOf = (length: number): OnnxNode[] => Array.from({ length }, (_, i) => buildNode('Neg', [`n${i}`], [i === length - 1 ? 'logits' : `n${i + 1}`]))

  it('follows a tail of twelve operators and no more', () => {
    assert.equal(findHead(modelWith([product('n0'), ...tailOf(12)])).nodes.length, 13)
    assert.throws(() => findHead(modelWith([product('n0'), ...tailOf(13)])), { code: 'model_unsupported', message: /more than 12 operators/ })
  })

  const REFUSED: readonly [string, Graph, RegExp][] = [
    ['a graph without logits', modelWith([product('embeddings')], 'embeddings'), /no output named logits; it has present, embeddings/],
    [
      'the last hidden states of a feature extractor',
      modelWith([product('last_hidden_state')], 'last_hidden_state'),
      /it extracts features: export it with the task text-generation/
    ],
    ['a chain of Reshapes without end', modelWith([buildNode('Reshape', ['logits', 'mask'], ['logits'])]), /more than 12 operators/],
    [
      'an unknown operator',
      modelWith([product('p'), buildNode('Softmax', ['p'], ['logits'])]),
      /operator Softmax \(logits\/Softmax\) stands before the logits/
    ],
    ['two computed tensors', modelWith([product('p'), buildNode('Add', ['p', 'hidden'], ['logits'])]), /Add \(logits\/Add\) joins 2 computed tensors/],
    ['a product of two tensors of the text', modelWith([buildNode('MatMul', ['hidden', 'input'], ['logits'])]), /MatMul \(logits\/MatMul\) multiplies two/],
    [
      'a scale of each row',
      modelWith([buildNode('MatMulIntegerToFloat', ['hidden', 'head', 'input', 'cap'], ['logits'])]),
      /MatMulIntegerToFloat \(logits\/MatMulIntegerToFloat\) multiplies two/
    ],
    ['logits of constants alone', modelWith([buildNode('Add', ['bias', 'cap'], ['logits'])]), /joins 0 computed tensors/],
    ['logits that are an input', graphOf({ inputs: [info('logits')], outputs: [info('logits')] }), /it is the graph input logits/]
  ]
  for (const [what, graph, message] of REFUSED) {
    it(`refuses ${what}, naming it`, () => assert.throws(() => findHead(graph), { name: 'ServiceError', code: 'model_unsupported', message }))
  }
})
