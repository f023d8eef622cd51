import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { assertAllRows } from '../../../src/model/onnx/assert-all-rows.ts'
import { buildInt64, buildNode } from '../../../src/model/onnx/build-node.ts'
import { FLOAT, INT64 } from '../../../src/model/onnx/data-types.ts'
import type { Graph, OnnxNode } from '../../../src/model/onnx/graph.ts'
import { graphOf, info } from '../../support/onnx-model.ts'

const LOGITS = info('logits', FLOAT, ['batch', 'sequence', 10])
const graph = (...nodes: OnnxNode[]): Graph =>
  graphOf({
    nodes,
    initializers: [
      buildInt64('last', [], [-1]),
      buildInt64('first', [1], [0]),
      buildInt64('end', [1], [99]),
      buildInt64('rows', [1], [1]),
      buildInt64('ends', [2], [0, -1])
    ],
    inputs: [info('n', INT64, [])]
  })

describe('assertAllRows', () => {
  it('lets rows pass that nothing chose', () => assertAllRows(graph(buildNode('LayerNormalization', ['x'], ['hidden'])), 'hidden', LOGITS))

  it('lets a slice pass that begins at the first row', () => {
    assertAllRows(graph(buildNode('Slice', ['x', 'first', 'end', 'rows'], ['hidden'])), 'hidden', LOGITS)
  })

  it('lets a slice pass whose begin is an input', () => assertAllRows(graph(buildNode('Slice', ['x', 'n', 'end', 'rows'], ['hidden'])), 'hidden', LOGITS))

  it('accepts a choice of texts, which is not one of rows', () => {
    assertAllRows(graph(buildNode('Gather', ['x', 'last'], ['hidden'])), 'hidden', LOGITS)
    assertAllRows(graph(buildNode('Slice', ['x', 'last', 'end'], ['hidden'])), 'hidden', LOGITS)
  })

  it('lets an embedding pass', () => assertAllRows(graph(buildNode('Gather', ['table', 'input_ids'], ['hidden'])), 'hidden', LOGITS))

  const REFUSED: readonly [string, Graph, typeof LOGITS][] = [
    ['logits of one row a text', graph(), info('logits', FLOAT, ['batch', 1, 10])],
    [
      'a gathered last row',
      graph(buildNode('Gather', ['x', 'last'], ['g'], { attributes: { axis: 1 } }), buildNode('Unsqueeze', ['g', 'first'], ['hidden'])),
      LOGITS
    ],
    ['a last row by a slice', graph(buildNode('Slice', ['x', 'last', 'end', 'rows'], ['c']), buildNode('Cast', ['c'], ['hidden'])), LOGITS],
    ['a last row without named axes', graph(buildNode('Slice', ['x', 'ends', 'end'], ['hidden'])), LOGITS],
    [
      'a last row by a Constant',
      graph(buildNode('Constant', [], ['k'], { attributes: { value_ints: [-1] } }), buildNode('Slice', ['x', 'k', 'end', 'rows'], ['hidden'])),
      LOGITS
    ]
  ]
  for (const [what, model, logits] of REFUSED) {
    it(`refuses ${what}`, () => {
      assert.throws(() => assertAllRows(model, 'hidden', logits), { code: 'model_unsupported', message: /logits of the last token alone/ })
    })
  }
})
