import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { assertFinite, generatedScores, positionScores, shownLogProb } from '../../src/completions/token-scores.ts'
import type { RowScores } from '../../src/engine/engine.ts'

/** Two rows with two top tokens each. */
function rowsOf(parts: { readonly logProbs?: readonly number[]; readonly best?: readonly number[]; readonly top?: readonly number[] } = {}): RowScores {
  const { logProbs = [-1.5, -3.25], best = [-0.5, -0.25], top = [-0.5, -1.5, -0.25, -2] } = parts
  return {
    logProbs: Float32Array.from(logProbs),
    logSumExps: new Float32Array(2),
    bestIds: Int32Array.of(7, 8),
    bestLogProbs: Float32Array.from(best),
    detail: {
      ranks: Int32Array.of(2, 30),
      entropies: new Float32Array(2),
      probSquareSums: new Float32Array(2),
      topCount: 2,
      topIds: Int32Array.of(7, 5, 8, 9),
      topLogProbs: Float32Array.from(top)
    },
    checksums: new Int32Array(0)
  }
}

describe('shownLogProb', () => {
  test('shows probability 0 as -9999, and nothing below', () => {
    assert.equal(shownLogProb(Number.NEGATIVE_INFINITY), -9999)
    assert.equal(shownLogProb(-20_000), -9999)
    assert.equal(shownLogProb(-9998.5), -9998.5)
  })
  test('shows a value that rounding lifted above 0 as 0', () => assert.equal(shownLogProb(2e-7), 0))
  test('does not hide a value far above 0 from the checks', () => assert.equal(shownLogProb(0.5), 0.5))
})

describe('positionScores', () => {
  test('returns the best token for rows without top tokens', () => {
    const { top, token } = positionScores({ ...rowsOf(), detail: null }, 1, 4)
    assert.deepEqual(top, positionScores(rowsOf(), 1, 4).top.slice(0, 1))
    assert.deepEqual(token, { id: 4, logProb: -3.25, rank: null })
  })
  test('returns rank and score of the prompt token and of the top tokens', () => {
    const { token, top } = positionScores(rowsOf(), 1, 4)
    assert.deepEqual(token, { id: 4, logProb: -3.25, rank: 30 })
    assert.deepEqual(top, [
      { id: 8, logProb: -0.25, rank: 1 },
      { id: 9, logProb: -2, rank: 2 }
    ])
  })

  test('clamps the token and the top tokens alike, so that equal values stay equal', () => {
    const rows = rowsOf({ logProbs: [Number.NEGATIVE_INFINITY, 1e-7], top: [-0.5, Number.NEGATIVE_INFINITY, 1e-7, -20] })
    assert.equal(positionScores(rows, 0, 5).token.logProb, positionScores(rows, 0, 5).top[1]?.logProb)
    assert.equal(positionScores(rows, 1, 8).token.logProb, positionScores(rows, 1, 8).top[0]?.logProb)
  })
})

describe('generatedScores', () => {
  test('returns the best token of the row, whichever was scored', () => {
    assert.deepEqual(generatedScores(rowsOf(), 1).token, { id: 8, logProb: -0.25, rank: 1 })
  })
})

describe('assertFinite', () => {
  test('accepts a token of probability 0', () => assert.doesNotThrow(() => assertFinite(rowsOf({ logProbs: [Number.NEGATIVE_INFINITY, -1] }), 1, 'prompt')))

  for (const [what, parts] of [
    ['NaN for a token', { logProbs: [-1, Number.NaN] }],
    ['infinity for a token', { logProbs: [-1, Number.POSITIVE_INFINITY] }],
    ['NaN for the most probable token', { best: [-1, Number.NaN] }],
    ['a row without a possible token', { best: [-1, Number.NEGATIVE_INFINITY] }],
    ['NaN among the top tokens', { top: [-1, -2, -1, Number.NaN] }]
  ] as const) {
    test(`rejects ${what}, naming its position`, () =>
      assert.throws(() => assertFinite(rowsOf(parts), 1, 'prompt/3'), { code: 'non_finite_logits', message: /position 2 of prompt\/3/ }))
  }
})
