import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { expandRequest, type RequestedPairs } from '../../src/logprob/expand-request.ts'
import { chatOf } from '../support/conversation.ts'

const MESSAGES = [{ role: 'user', content: 'hello' }]
const CHAT = chatOf(MESSAGES, { addGenerationPrompt: true })

/** Each item as [x, y, candidate, path of x, path of y]. */
const GOOD: readonly [string, RequestedPairs, readonly unknown[][]][] = [
  ['one pair of texts', { x: 'a', y: 'b' }, [['a', 'b', 0, 'x', 'y']]],
  ['empty texts', { x: '', y: '' }, [['', '', 0, 'x', 'y']]],
  ['token ids as one output', { x: [1, 2], y: [3, 4] }, [[[1, 2], [3, 4], 0, 'x', 'y']]],
  [
    'several outputs for one x',
    { x: 'a', y: ['b', [3]] },
    [
      ['a', 'b', 0, 'x', 'y/0'],
      ['a', [3], 1, 'x', 'y/1']
    ]
  ],
  ['a list of one output', { x: 'a', y: [[1, 2]] }, [['a', [1, 2], 0, 'x', 'y/0']]],
  ['a conversation', { messages: MESSAGES, y: 'b' }, [[CHAT, 'b', 0, 'messages', 'y']]],
  [
    'pairs',
    {
      pairs: [
        { x: 'a', y: 'b' },
        { messages: MESSAGES, y: ['c', 'd'] }
      ]
    },
    [
      ['a', 'b', 0, 'pairs/0/x', 'pairs/0/y'],
      [CHAT, 'c', 0, 'pairs/1/messages', 'pairs/1/y/0'],
      [CHAT, 'd', 1, 'pairs/1/messages', 'pairs/1/y/1']
    ]
  ],
  ['no pairs', { pairs: [] }, []]
]

const BAD: readonly [string, RequestedPairs, string][] = [
  ['nothing', {}, 'x'],
  ['no x', { y: 'b' }, 'x'],
  ['no y', { x: 'a' }, 'y'],
  ['x and messages', { x: 'a', messages: MESSAGES, y: 'b' }, 'messages'],
  ['an empty list of outputs', { x: 'a', y: [] }, 'y'],
  ['a number among outputs', { x: 'a', y: ['b', 3] }, 'y/1'],
  ['x beside pairs', { x: 'a', pairs: [{ x: 'a', y: 'b' }] }, 'x'],
  ['y beside pairs', { y: 'b', pairs: [] }, 'y'],
  ['messages beside pairs', { messages: MESSAGES, pairs: [] }, 'messages'],
  ['a pair without x', { pairs: [{ x: 'a', y: 'b' }, { y: 'b' }] }, 'pairs/1/x'],
  ['a pair without y', { pairs: [{ x: 'a' }] }, 'pairs/0/y'],
  ['a pair with x and messages', { pairs: [{ x: 'a', messages: MESSAGES, y: 'b' }] }, 'pairs/0/messages'],
  ['a number among the outputs of a pair', { pairs: [{ x: 'a', y: [1, 'b'] }] }, 'pairs/0/y/0']
]

describe('expandRequest', () => {
  for (const [what, body, expected] of GOOD) {
    it(`expands ${what}`, () => {
      const items = expandRequest(body)
      assert.deepEqual(
        items.map(({ x, y, candidate, param }) => [x, y, candidate, param.x, param.y]),
        expected
      )
      assert.deepEqual(
        items.map(({ index }) => index),
        expected.map((_, index) => index)
      )
    })
  }

  it('gives every output of a pair the id of the pair', () => {
    const items = expandRequest({
      pairs: [
        { id: 'p', x: 'a', y: ['b', 'c'] },
        { x: 'a', y: 'b' }
      ]
    })
    assert.deepEqual(
      items.map(({ id }) => id),
      ['p', 'p', null]
    )
  })

  for (const [what, body, param] of BAD) {
    it(`rejects ${what}, naming ${param}`, () => {
      assert.throws(() => expandRequest(body), { name: 'ServiceError', code: 'invalid_request', param, message: new RegExp(param) })
    })
  }
})
