import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type PartText, partText } from '../../src/encoding/spelling.ts'
import type { RowScores } from '../../src/engine/engine.ts'
import { tokenDetails } from '../../src/evaluation/token-details.ts'
import { FakeTokenizer } from '../support/fake-tokenizer.ts'
import { sequenceOf } from '../support/scored-sequence.ts'

const tokenizer = new FakeTokenizer()
/** <s> | a | é in two tokens; the last two tokens are scored. */
const SEQUENCE = { ...sequenceOf({ prefix: 1, x: 1, y: 2 }, [null, null, -1, -2]), ids: Int32Array.of(0, 3, 9, 10) }
const SCORES = {
  logProbs: Float32Array.of(-1, -2),
  logSumExps: new Float32Array(2),
  bestIds: new Int32Array(2),
  bestLogProbs: new Float32Array(2),
  checksums: new Int32Array(0)
}
const whole = (text: string): PartText => partText({ dropped: Buffer.of(), scored: Buffer.from(text), text: null, spellsControls: false, mayAddSpace: false })
const ENCODED = { scoredStart: 2, text: { x: whole('a'), y: whole('é') } }
const OFFSETS = { byte_start: null, byte_end: null, char_start: null, char_end: null }
/** Two rows with two top tokens each. */
const ROWS: RowScores = {
  ...SCORES,
  detail: {
    ranks: Int32Array.of(1, 3),
    entropies: Float32Array.of(0.5, 1.5),
    probSquareSums: new Float32Array(2),
    variances: Float32Array.of(4, 9),
    topCount: 2,
    topIds: Int32Array.of(9, 6, 8, 1),
    topLogProbs: Float32Array.of(-1, -2, -0.5, -1.5)
  }
}

describe('tokenDetails', () => {
  it('returns every token with its part and text, and scores where they were computed', () => {
    assert.deepEqual(
      [...tokenDetails(SEQUENCE, ENCODED, ROWS, 0, tokenizer)],
      [
        { part: 'prefix', id: 0, text: '<s>', bytes: 'PHM+', ...OFFSETS, log_prob: null, rank: null, entropy: null, log_prob_std: null },
        {
          part: 'x',
          id: 3,
          text: 'a',
          bytes: 'YQ==',
          byte_start: 0,
          byte_end: 1,
          char_start: 0,
          char_end: 1,
          log_prob: null,
          rank: null,
          entropy: null,
          log_prob_std: null
        },
        {
          part: 'y',
          id: 9,
          text: '\ufffd',
          bytes: 'ww==',
          byte_start: 0,
          byte_end: 1,
          char_start: 0,
          char_end: 1,
          log_prob: -1,
          rank: 1,
          entropy: 0.5,
          log_prob_std: 2
        },
        {
          part: 'y',
          id: 10,
          text: '\ufffd',
          bytes: 'qQ==',
          byte_start: 1,
          byte_end: 2,
          char_start: 0,
          char_end: 1,
          log_prob: -2,
          rank: 3,
          entropy: 1.5,
          log_prob_std: 3
        }
      ]
    )
  })

  it('returns the top tokens of each row', () => {
    assert.deepEqual(
      [...tokenDetails(SEQUENCE, ENCODED, ROWS, 2, tokenizer)].map(({ top }) => top?.map(({ id, text, log_prob }) => [id, text, log_prob])),
      [
        undefined,
        undefined,
        [
          [9, '\ufffd', -1],
          [6, 'ab', -2]
        ],
        [
          [8, ' a', -0.5],
          [1, '</s>', -1.5]
        ]
      ]
    )
  })

  it('returns only the requested number of top tokens when the batch has more', () => {
    assert.deepEqual(
      [...tokenDetails(SEQUENCE, ENCODED, ROWS, 1, tokenizer)].map(({ top }) => top?.map(({ id }) => id)),
      [undefined, undefined, [9], [8]]
    )
  })

  it('has no rank and no top tokens without engine details', () => {
    const [, , scored] = tokenDetails(SEQUENCE, ENCODED, { ...SCORES, detail: null }, 2, tokenizer)
    assert.deepEqual(scored, {
      part: 'y',
      id: 9,
      text: '\ufffd',
      bytes: 'ww==',
      byte_start: 0,
      byte_end: 1,
      char_start: 0,
      char_end: 1,
      log_prob: -1,
      rank: null,
      entropy: null,
      log_prob_std: null
    })
  })
})
