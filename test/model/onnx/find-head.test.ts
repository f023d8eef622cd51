import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { buildFloat, buildNode } from '../../../src/model/onnx/build-node.ts'
import { FLOAT } from '../../../src/model/onnx/data-types.ts'
import { findHead, vocabularyWidth } from '../../../src/model/onnx/find-head.ts'
import type { Graph, OnnxNode, TensorInfo } from '../../../src/model/onnx/graph.ts'
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

  it('joins the nodes on both sides of such a Reshape', () => {
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

  it('recognises the output of a Constant node as a constant', () => {
    const nodes = [product('p'), buildNode('Mul', ['p', 'scale'], ['logits'])]
    const graph = modelWith([buildNode('Constant', [], ['scale']), ...nodes])
    assert.deepEqual(findHead(graph).nodes, nodes)
  })

  it('takes an output whose name contains logits when none is named logits', () => {
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
      /the model extracts features: export it with the task text-generation/
    ],
    ['a chain of Reshapes without end', modelWith([buildNode('Reshape', ['logits', 'mask'], ['logits'])]), /more than 12 operators/],
    [
      'an unknown operator',
      modelWith([product('p'), buildNode('Softmax', ['p'], ['logits'])]),
      /operator Softmax \(logits\/Softmax\) comes between the vocabulary product and the logits/
    ],
    ['two computed tensors', modelWith([product('p'), buildNode('Add', ['p', 'hidden'], ['logits'])]), /Add \(logits\/Add\) combines 2 computed tensors/],
    ['a product of two tensors of the text', modelWith([buildNode('MatMul', ['hidden', 'input'], ['logits'])]), /MatMul \(logits\/MatMul\) multiplies two/],
    [
      'a scale of each row',
      modelWith([buildNode('MatMulIntegerToFloat', ['hidden', 'head', 'input', 'cap'], ['logits'])]),
      /MatMulIntegerToFloat \(logits\/MatMulIntegerToFloat\) multiplies two/
    ],
    ['logits of constants alone', modelWith([buildNode('Add', ['bias', 'cap'], ['logits'])]), /combines 0 computed tensors/],
    ['logits that are an input', graphOf({ inputs: [info('logits')], outputs: [info('logits')] }), /lead back to the graph input logits/]
  ]
  for (const [what, graph, message] of REFUSED) {
    it(`refuses ${what}, naming it`, () => assert.throws(() => findHead(graph), { name: 'ServiceError', code: 'model_unsupported', message }))
  }
})

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
  it('is the number of columns when the logits declare none', () => assert.equal(widthOf([product('w')], [2, 5]), 5))
  it('is the number of rows of a matrix that is transposed', () => {
    assert.equal(widthOf([buildNode('Transpose', ['w'], ['t'], { attributes: { perm: [1, 0] } }), product('t')], [5, 2]), 5)
    assert.equal(widthOf([buildNode('Transpose', ['w'], ['t']), product('t')], [5, 2]), 5)
    assert.equal(widthOf([buildNode('Gemm', ['hidden', 'w'], ['logits'], { attributes: { transB: 1 } })], [5, 2]), 5)
  })
  it('is found behind quantized weights', () => assert.equal(widthOf([buildNode('DequantizeLinear', ['w', 'w'], ['d']), product('d')], [2, 5]), 5))
  it('is N of a product of few bits', () => {
    assert.equal(widthOf([buildNode('MatMulNBits', ['hidden', 'w'], ['logits'], { attributes: { K: 2, N: 9, bits: 4 } })], [9, 1, 1]), 9)
  })
  it('is unknown when an operator computes the matrix', () => assert.equal(widthOf([buildNode('Neg', ['w'], ['n']), product('n')], [2, 5]), null))
})
