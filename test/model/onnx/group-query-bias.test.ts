import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { buildFloat, buildNode } from '../../../src/model/onnx/build-node.ts'
import { FLOAT, INT32 } from '../../../src/model/onnx/data-types.ts'
import type { OnnxNode } from '../../../src/model/onnx/graph.ts'
import { groupQueryWindow, rotatesInside, whyGroupQueryNot } from '../../../src/model/onnx/group-query-bias.ts'
import { graphOf, info } from '../../support/onnx-model.ts'
import { present } from '../../support/present.ts'

const GRAPH = graphOf({ initializers: [buildFloat('cosines', [2, 1], [1, 2]), buildFloat('sines', [2, 1], [1, 2])] })
const INPUTS = ['query', 'key', 'value', 'past_key', 'past_value', 'lengths', 'columns', 'cosines', 'sines']

function attention(inputs: readonly string[], attributes: Readonly<Record<string, number>> = { do_rotary: 1 }): OnnxNode {
  return buildNode('GroupQueryAttention', inputs, ['out'], { attributes })
}

describe('whyGroupQueryNot', () => {
  const CASES: readonly (readonly [string, OnnxNode, RegExp | null])[] = [
    ['tables that are weights', attention(INPUTS), null],
    ['no rotation of its own', attention(INPUTS.slice(0, 7), {}), null],
    ['sinks', attention([...INPUTS, '', '', 'sinks']), null],
    ['a second bias', attention([...INPUTS, '', 'alibi']), /already has a bias/],
    ['inputs of a later version', attention([...INPUTS, '', '', '', 'norm']), /unknown to logpr/],
    ['positions that it already takes', attention([...INPUTS, 'places']), /already takes positions/],
    ['tables chosen by the length of the text', attention(INPUTS.map((name) => (name === 'cosines' ? 'chosen' : name))), /computed at run time/]
  ]
  for (const [what, node, reason] of CASES)
    it(`judges ${what}`, () => {
      const found = whyGroupQueryNot(GRAPH, node)
      if (reason === null) assert.equal(found, null)
      else assert.match(present(found), reason)
    })

  it('refuses positions that are not int64, and operator sets without Split by an input', () => {
    assert.match(present(whyGroupQueryNot({ ...GRAPH, inputs: [info('position_ids', INT32)] }, attention(INPUTS))), /int64/)
    assert.match(present(whyGroupQueryNot({ ...GRAPH, opsets: new Map([['', 12]]) }, attention(INPUTS))), /operator set 12/)
    assert.equal(whyGroupQueryNot({ ...GRAPH, inputs: [info('attention_mask', FLOAT)] }, attention(INPUTS)), null)
  })
})

describe('rotatesInside and groupQueryWindow', () => {
  it('return their attributes', () => {
    assert.equal(rotatesInside(attention(INPUTS)), true)
    assert.equal(rotatesInside(attention(INPUTS, {})), false)
    assert.equal(groupQueryWindow(attention(INPUTS, { local_window_size: 24 })), 24)
    assert.equal(groupQueryWindow(attention(INPUTS, { local_window_size: -1 })), null)
  })
})
