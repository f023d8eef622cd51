import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Normalization, normalizedLogProb, relevanceScore, type Terms } from '../../src/rerank/normalization.ts'

const TERMS: Terms = { logProb: -12, y: { tokens: 4, chars: 20, bytes: 24 }, baselineLogProb: -17 }
const DC_PMI: Normalization = { kind: 'dc_pmi', domainPrompt: 'a' }

describe('normalizedLogProb', () => {
  const expected: readonly (readonly [Normalization, number])[] = [
    [{ kind: 'sum' }, -12],
    [{ kind: 'per_token' }, -12 / 4],
    [{ kind: 'per_char' }, -12 / 20],
    [{ kind: 'per_byte' }, -12 / 24],
    [{ kind: 'alpha', alpha: 0.5 }, -12 / Math.sqrt(4)],
    [{ kind: 'alpha', alpha: 0 }, -12],
    [{ kind: 'alpha', alpha: 1 }, -12 / 4],
    [{ kind: 'pmi' }, -12 - -17],
    [DC_PMI, -12 - -17]
  ]
  for (const [normalization, value] of expected)
    it(`${JSON.stringify(normalization)} is ${value}`, () => assert.equal(normalizedLogProb(normalization, TERMS), value))

  it('throws for a log-ratio without a baseline', () => {
    assert.throws(() => normalizedLogProb({ kind: 'pmi' }, { ...TERMS, baselineLogProb: null }), /needs the log-probability of a baseline/)
  })
})

describe('relevanceScore', () => {
  it('is the exponential of a normalised log-probability', () => {
    for (const kind of ['sum', 'per_token', 'per_char', 'per_byte'] as const) assert.equal(relevanceScore({ kind }, -3), Math.exp(-3))
    assert.equal(relevanceScore({ kind: 'alpha', alpha: 0.7 }, -3), Math.exp(-3))
  })

  it('is p / (p + p0) for a log-ratio: one half when x changes nothing', () => {
    const p = 0.03
    const p0 = 0.01
    for (const normalization of [{ kind: 'pmi' }, DC_PMI] as const) {
      assert.ok(Math.abs(relevanceScore(normalization, Math.log(p / p0)) - p / (p + p0)) < 1e-15)
      assert.equal(relevanceScore(normalization, 0), 0.5)
    }
  })

  it('stays in (0, 1], however small the probability', () => {
    for (const value of [-1e5, -800, -745, -1, 0]) {
      const score = relevanceScore({ kind: 'sum' }, value)
      assert.ok(score > 0 && score <= 1, `${value}: ${score}`)
    }
    for (const value of [-1e5, -800, 0, 30, 800, 1e5]) {
      const score = relevanceScore({ kind: 'pmi' }, value)
      assert.ok(score > 0 && score <= 1, `${value}: ${score}`)
    }
  })
})
