import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Choice, choiceJson } from '../../src/completions/choice.ts'
import { present } from '../support/present.ts'

const choice = (parts: Partial<Choice>): Choice => ({ index: 0, text: 'ab', logprobs: null, promptLogprobs: null, ...parts })
const withTop = (top: readonly (readonly [string, number])[]): Choice =>
  choice({ logprobs: { tokens: ['a'], tokenLogprobs: [-1], topLogprobs: [new Map(top)], textOffset: [0] } })

describe('choiceJson', () => {
  test('puts the prompt token first even if its id is larger', () => {
    const entry = new Map([
      [464, { logProb: -9, rank: 40, decodedToken: 'The' }],
      [11, { logProb: -0.1, rank: 1, decodedToken: ',' }]
    ])
    assert.match(
      choiceJson(choice({ promptLogprobs: [null, entry] })),
      /"prompt_logprobs":\[null,\{"464":\{"logprob":-9,"rank":40,"decoded_token":"The"\},"11":\{"logprob":-0\.1,"rank":1,"decoded_token":","\}\}\]\}$/
    )
  })

  test('keeps the order of tokens that look like numbers', () => {
    assert.match(
      choiceJson(
        withTop([
          ['9', -3],
          ['1', -0.5]
        ])
      ),
      /"top_logprobs":\[\{"9":-3,"1":-0\.5\}\]/
    )
  })

  test('keeps the token __proto__', () => {
    assert.match(
      choiceJson(
        withTop([
          ['__proto__', -3],
          ['x', -1]
        ])
      ),
      /\{"__proto__":-3,"x":-1\}/
    )
  })

  test('escapes keys', () => {
    const text = choiceJson(withTop([['"\n\\\u0000', -3]]))
    assert.deepEqual(Object.keys(present((JSON.parse(text) as { logprobs: { top_logprobs: object[] } }).logprobs.top_logprobs[0])), ['"\n\\\u0000'])
  })

  test('writes doubles that parse to the same value, equal in both lists', () => {
    const value = Math.fround(-8.8187637)
    const text = choiceJson(choice({ logprobs: { tokens: ['a'], tokenLogprobs: [value], topLogprobs: [new Map([['a', value]])], textOffset: [0] } }))
    assert.ok(text.includes(`"token_logprobs":[${value}]`) && text.includes(`{"a":${value}}`))
    assert.equal((JSON.parse(text) as { logprobs: { token_logprobs: number[] } }).logprobs.token_logprobs[0], value)
  })

  test('throws for a non-finite number instead of writing null', () => {
    for (const bad of [Number.NaN, Number.NEGATIVE_INFINITY]) assert.throws(() => choiceJson(withTop([['a', bad]])), /non-finite/)
  })

  test('writes null without logprobs and omits prompt_logprobs', () => {
    assert.equal(choiceJson(choice({})), '{"index":0,"text":"ab","logprobs":null,"finish_reason":"length"}')
  })
})
