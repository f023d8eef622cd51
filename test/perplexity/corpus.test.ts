import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { bucketOf, CorpusTotals, quantileOf } from '../../src/perplexity/corpus.ts'

const text = (perToken: number | null) => ({
  log_prob: -10,
  counts: { tokens: 5, scored_tokens: 5, bytes: 20, chars: 20, words: 4 },
  perplexity: { per_token: perToken, per_word: null, per_byte: null }
})

describe('quantileOf', () => {
  test('interpolates as NumPy', () => {
    // np.quantile([1, 2, 4, 8, 16], [0, 1/3, 0.5, 0.9, 1])
    const found = [0, 1 / 3, 0.5, 0.9, 1].map((quantile) => quantileOf(Float64Array.of(1, 2, 4, 8, 16), quantile))
    assert.deepEqual(
      found.map((value) => value?.toFixed(12)),
      [1, 2.6666666666666665, 4, 12.8, 16].map((value) => value.toFixed(12))
    )
  })
})

describe('bucketOf', () => {
  test('has the bounds in the lower bucket, and what overflows in the tail', () => {
    assert.deepEqual(
      [1, 30, 30.1, 60, 61, null].map((perplexity) => bucketOf(perplexity, [30, 60])),
      ['head', 'head', 'middle', 'middle', 'tail', 'tail']
    )
  })
})

describe('CorpusTotals', () => {
  test('adds up many texts and divides the sums', () => {
    const totals = new CorpusTotals()
    for (let i = 1; i <= 5000; i++) totals.add(text(i))
    totals.add(text(null))
    const corpus = totals.corpus([0.5, 1])
    assert.equal(corpus?.texts, 5001)
    assert.equal(corpus.perplexity.per_token, Math.exp(50_010 / 25_005))
    assert.deepEqual(corpus.quantiles, [
      { quantile: 0.5, perplexity: 2501 },
      { quantile: 1, perplexity: null }
    ])
    assert.equal(new CorpusTotals().corpus([0.5]), null)
  })
})
