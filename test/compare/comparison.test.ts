import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { Comparison } from '../../src/compare/comparison.ts'
import { deltaHistogram } from '../../src/compare/histogram.ts'
import { type SideToken, tokenPairs } from '../../src/compare/side.ts'
import { Heaviest, ValueSample } from '../../src/compare/value-sample.ts'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { present } from '../support/present.ts'

/** A token per word, scored by `logProbs`; ids are the lengths of words. */
function tokens(text: string, logProbs: readonly (number | null)[], top = 7): SideToken[] {
  const words = text.match(/ ?[^ ]+/g) ?? []
  return words.map((word, i) => ({ id: word.length, text: word, logProb: logProbs[i] ?? null, top: { id: top, text: 't' } }))
}

describe('tokenPairs', () => {
  const a = tokens('one two', [-1, -2])
  test('leaves out a token without a score that only one side shows before the text', () => {
    const bos: SideToken = { id: 0, text: '<s>', logProb: null, top: null }
    assert.equal(tokenPairs([bos, ...a], a)?.length, 2)
    assert.equal(tokenPairs(a, [bos, ...a])?.length, 2)
    assert.equal(tokenPairs([{ ...bos, logProb: -1 }, ...a], a), null)
  })

  test('has no pairs when ids or texts differ', () => {
    const other = a.map((token) => ({ ...token, id: 99 }))
    assert.equal(tokenPairs(a, other), null)
    assert.equal(tokenPairs(a, tokens('one six', [-1, -2])), null)
    assert.equal(tokenPairs(a, tokens('one', [-1])), null)
  })

  test('takes texts where a side has no ids, and parts of characters as equal', () => {
    const names = ['bytes:\\xe2', ' b'].map((text) => ({ id: null, text, logProb: -1, top: null }))
    const own = ['\ufffd', ' b'].map((text, id) => ({ id, text, logProb: -1, top: null }))
    assert.equal(tokenPairs(names, own)?.length, 2)
  })
})

describe('Comparison', () => {
  test('compares texts with other tokens by bits per byte alone', () => {
    const comparison = new Comparison(3)
    comparison.add('ab cd', {}, tokens('ab cd', [-1, -2]), [{ id: 1, text: 'ab cd', logProb: -2, top: null }])
    const { delta, tokens: count, texts_with_other_tokens: others, bits_per_byte_delta: rates, a } = comparison.result()
    assert.deepEqual([delta, count, others], [null, 0, 1])
    assert.equal(a.bits_per_byte, 3 / Math.LN2 / 5)
    assert.ok(Math.abs(present(rates?.mean) - -1 / Math.LN2 / 5) < 1e-15)
  })

  test('says when only one side scores the first token, and leaves that token out', () => {
    const comparison = new Comparison(3)
    comparison.add('ab cd', { line: 4 }, tokens('ab cd', [-1, -2]), tokens('ab cd', [null, -2.5], 8))
    const result = comparison.result()
    assert.deepEqual([result.texts_with_other_start, result.tokens, result.delta?.mean, result.same_top], [1, 1, -0.5, 0])
    assert.deepEqual(result.worst, [{ line: 4, position: 1, delta: -0.5, a: -2, b: -2.5, before: 'ab', token: ' cd', after: '' }])
    // The bytes of a token without a score do not count.
    assert.equal(result.b.bits_per_byte, 2.5 / Math.LN2 / 3)
  })
})

interface Fixture {
  readonly values: readonly number[]
  readonly mean: number
  readonly mean_absolute: number
  readonly standard_deviation: number
  readonly quantiles: readonly (readonly [quantile: number, value: number])[]
}

describe('ValueSample', () => {
  test('has the moments and quantiles of NumPy', () => {
    const fixture = JSON.parse(readFileSync(join(PACKAGE_FOLDER, 'test', 'compare', 'numpy.json'), 'utf8')) as Fixture
    const sample = new ValueSample()
    for (const value of fixture.values) sample.add(value)
    const summary = present(sample.summary(fixture.quantiles.map(([quantile]) => quantile)))
    for (const name of ['mean', 'mean_absolute', 'standard_deviation'] as const) assert.ok(Math.abs(summary[name] - fixture[name]) < 1e-12, name)
    for (const [i, [quantile, value]] of fixture.quantiles.entries())
      assert.ok(Math.abs(present(summary.quantiles[i]?.value) - value) < 1e-12, String(quantile))
  })

  test('takes quantiles of a uniform sample when there are too many values', () => {
    const sample = new ValueSample(2000)
    for (let i = 0; i < 100_000; i++) sample.add(i)
    const summary = present(sample.summary([0.1, 0.5, 0.9]))
    assert.deepEqual([summary.quantiles_of_sample, summary.mean, summary.max, sample.sorted().length], [true, 49_999.5, 99_999, 2000])
    for (const { quantile, value } of summary.quantiles) assert.ok(Math.abs(present(value) / 100_000 - quantile) < 0.05, String(quantile))
  })

  test('has no summary without values', () => assert.equal(new ValueSample().summary([0.5]), null))
})

test('Heaviest keeps the heaviest entries in order', () => {
  const heaviest = new Heaviest<number>(3)
  for (const weight of [1, 5, 3, 9, 2, 5]) heaviest.offer(weight, () => weight)
  assert.deepEqual(heaviest.entries, [9, 5, 5])
  const none = new Heaviest<number>(0)
  none.offer(1, () => 1)
  assert.deepEqual(none.entries, [])
})

test('deltaHistogram labels its axes, holds every value, and draws a corpus without differences', () => {
  const figure = deltaHistogram(Float64Array.of(-0.3, -0.1, 0, 0.1, 0.2), { title: 'B & A' })
  assert.match(figure, /% of tokens<.*log Pr\(token\) under B minus A, in nats</s)
  assert.match(figure, /B &amp; A/)
  assert.equal(figure.match(/<rect class="fill0"/g)?.length, 5)
  assert.equal(deltaHistogram(Float64Array.of(0, 0), { title: 'same' }).match(/<rect class="fill0"/g)?.length, 1)
})
