import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { choiceOf } from '../../src/completions/choice.ts'
import type { CompletionsOptions } from '../../src/completions/request.ts'
import type { RowScores } from '../../src/engine/engine.ts'
import { FakeTokenizer } from '../support/fake-tokenizer.ts'
import { present } from '../support/present.ts'

const tokenizer = new FakeTokenizer()
const END = 1
const [A, B, FIRST_HALF, SECOND_HALF] = [3, 4, 9, 10] as const

const optionsOf = (parts: Partial<CompletionsOptions> = {}): CompletionsOptions => ({
  maxTokens: 0,
  echo: true,
  logprobs: 2,
  promptLogprobs: null,
  addSpecialTokens: true,
  tokensAsIds: false,
  ...parts
})
const promptOf = (...ids: number[]) => ({ ids: Int32Array.from(ids), addedBefore: 0, addedAfter: 0 })

interface Row {
  readonly logProb: number
  readonly rank?: number
  /** The most probable first. */
  readonly top: readonly (readonly [number, number])[]
}
function rowsOf(...rows: readonly Row[]): RowScores {
  const topCount = present(rows[0]?.top.length)
  return {
    logProbs: Float32Array.from(rows, ({ logProb }) => logProb),
    logSumExps: new Float32Array(rows.length),
    bestIds: Int32Array.from(rows, ({ top }) => present(top[0]?.[0])),
    bestLogProbs: Float32Array.from(rows, ({ top }) => present(top[0]?.[1])),
    detail: {
      ranks: Int32Array.from(rows, ({ rank = 1 }) => rank),
      entropies: new Float32Array(rows.length),
      probSquareSums: new Float32Array(rows.length),
      topCount,
      topIds: Int32Array.from(rows.flatMap(({ top }) => top.map(([id]) => id))),
      topLogProbs: Float32Array.from(rows.flatMap(({ top }) => top.map(([, logProb]) => logProb)))
    },
    checksums: new Int32Array(0)
  }
}
const AFTER_A: Row = {
  logProb: -5,
  rank: 9,
  top: [
    [A, -0.5],
    [END, -1]
  ]
}
const AFTER_AB: Row = {
  logProb: -7,
  top: [
    [END, -0.25],
    [A, -3]
  ]
}

describe('choiceOf', () => {
  test('has one entry per prompt token with max_tokens 0, the first one null', () => {
    const { logprobs, text } = choiceOf(0, promptOf(A, B), rowsOf(AFTER_A), 1, optionsOf(), tokenizer)
    assert.deepEqual(
      [logprobs?.tokens, logprobs?.tokenLogprobs, logprobs?.textOffset],
      [
        ['a', 'b'],
        [null, -5],
        [0, 1]
      ]
    )
    assert.deepEqual(
      logprobs?.topLogprobs.map((entry) => entry && [...entry]),
      [
        null,
        [
          ['b', -5],
          ['a', -0.5],
          ['</s>', -1]
        ]
      ]
    )
    assert.equal(text, 'ab')
  })

  test('has one more entry with max_tokens 1, and keeps a generated end token', () => {
    const { logprobs, text } = choiceOf(0, promptOf(A, B), rowsOf(AFTER_A, AFTER_AB), 1, optionsOf({ maxTokens: 1 }), tokenizer)
    assert.deepEqual(
      [logprobs?.tokens, logprobs?.tokenLogprobs],
      [
        ['a', 'b', '</s>'],
        [null, -5, -0.25]
      ]
    )
    assert.deepEqual(
      [...present(logprobs?.topLogprobs[2])],
      [
        ['</s>', -0.25],
        ['a', -3]
      ]
    )
    assert.deepEqual([text, logprobs?.textOffset], ['ab</s>', [0, 1, 2]])
  })

  test('shows only the generated token without echo', () => {
    const { logprobs, text } = choiceOf(0, promptOf(A, B), rowsOf(AFTER_AB), 2, optionsOf({ maxTokens: 1, echo: false }), tokenizer)
    assert.deepEqual([text, logprobs?.tokens, logprobs?.tokenLogprobs, logprobs?.textOffset], ['</s>', ['</s>'], [-0.25], [0]])
  })

  test('returns a prompt of one token for which nothing was computed', () => {
    const { logprobs, promptLogprobs } = choiceOf(0, promptOf(A), null, 1, optionsOf({ promptLogprobs: 1 }), tokenizer)
    assert.deepEqual([logprobs?.tokens, logprobs?.tokenLogprobs, logprobs?.topLogprobs, promptLogprobs], [['a'], [null], [null], [null]])
  })

  test('keeps the largest value among tokens with equal text, and the score of the token itself', () => {
    const row: Row = {
      logProb: -5,
      top: [
        [SECOND_HALF, -0.125],
        [FIRST_HALF, -5]
      ]
    }
    const { logprobs } = choiceOf(0, promptOf(A, FIRST_HALF), rowsOf(row), 1, optionsOf(), tokenizer)
    assert.deepEqual([...present(logprobs?.topLogprobs[1])], [['\ufffd', -0.125]])
    assert.equal(logprobs?.tokenLogprobs[1], -5)
  })

  test('distinguishes tokens with equal text when it names them by id', () => {
    const row: Row = { logProb: -5, top: [[SECOND_HALF, -0.125]] }
    const { logprobs } = choiceOf(0, promptOf(A, FIRST_HALF), rowsOf(row), 1, optionsOf({ tokensAsIds: true }), tokenizer)
    assert.deepEqual(
      [...present(logprobs?.topLogprobs[1])],
      [
        ['token_id:9', -5],
        ['token_id:10', -0.125]
      ]
    )
    assert.deepEqual(logprobs?.tokens, ['token_id:3', 'token_id:9'])
  })

  test('shows only the token with logprobs 0, and only the requested number of top tokens when the batch has more', () => {
    const shown = (logprobs: number): string[] => [
      ...present(choiceOf(0, promptOf(A, B), rowsOf(AFTER_A), 1, optionsOf({ logprobs }), tokenizer).logprobs?.topLogprobs[1]?.keys())
    ]
    assert.deepEqual(shown(0), ['b'])
    assert.deepEqual(shown(1), ['b', 'a'])
  })

  test('keys prompt_logprobs by id, the prompt token first with its rank, without a generated token', () => {
    const options = optionsOf({ maxTokens: 1, echo: false, logprobs: null, promptLogprobs: 2 })
    const { promptLogprobs, logprobs, text } = choiceOf(0, promptOf(A, B), rowsOf(AFTER_A, AFTER_AB), 1, options, tokenizer)
    assert.deepEqual(
      promptLogprobs?.map((entry) => entry && [...entry]),
      [
        null,
        [
          [B, { logProb: -5, rank: 9, decodedToken: 'b' }],
          [A, { logProb: -0.5, rank: 1, decodedToken: 'a' }],
          [END, { logProb: -1, rank: 2, decodedToken: '</s>' }]
        ]
      ]
    )
    assert.deepEqual([logprobs, text], [null, '</s>'])
  })

  test('lists the token once when it is among the top tokens', () => {
    const row: Row = { logProb: -1, rank: 2, top: AFTER_A.top }
    const { promptLogprobs } = choiceOf(0, promptOf(A, END), rowsOf(row), 1, optionsOf({ promptLogprobs: 2 }), tokenizer)
    assert.deepEqual(
      [...present(promptLogprobs?.[1]?.entries())],
      [
        [END, { logProb: -1, rank: 2, decodedToken: '</s>' }],
        [A, { logProb: -0.5, rank: 1, decodedToken: 'a' }]
      ]
    )
  })
})
