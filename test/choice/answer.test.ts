import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { logSumExp, type SpellingScores, verdictOn } from '../../src/choice/answer.ts'
import type { Choice } from '../../src/choice/request.ts'

const choice = (name: string, value: number | null = null): Choice => ({ name, spellings: [{ text: name, param: name }], value })
const scores = (logProb: number, baselines: readonly number[] = []): SpellingScores[] => [{ logProb, baselines, tokens: 1, bytes: 1, details: null }]

describe('logSumExp', () => {
  it('neither overflows nor underflows', () => {
    assert.equal(logSumExp([-10_000, -10_000]), -10_000 + Math.log(2))
    assert.equal(logSumExp([1000, -1000]), 1000)
    assert.equal(logSumExp([Number.NEGATIVE_INFINITY]), Number.NEGATIVE_INFINITY)
  })
})

describe('verdictOn', () => {
  it('tells choices apart whose probabilities underflow', () => {
    const { best, choices, margin, entropy } = verdictOn([choice('a'), choice('b')], [scores(-5000), scores(-2000)], { kind: 'sum' })
    assert.deepEqual([best, choices[0]?.probability, choices[1]?.probability, margin, entropy], ['b', 0, 1, 1, 0])
  })

  it('takes the first of equal choices', () => {
    const { best, margin } = verdictOn([choice('a'), choice('b')], [scores(-2), scores(-2)], { kind: 'sum' })
    assert.deepEqual([best, margin], ['a', 0])
  })

  it('cancels what every choice has in common under contextual calibration', () => {
    const kind = { kind: 'contextual', contentFree: ['', ''] } as const
    const own = [scores(-1, [-1, -4]), scores(-2, [-2, -8])]
    const shifted = [scores(-1, [-11, -34]), scores(-2, [-12, -38])]
    const probabilities = (each: typeof own): number[] => verdictOn([choice('a'), choice('b')], each, kind).choices.map(({ probability }) => probability)
    const [a, b] = [probabilities(own), probabilities(shifted)]
    a.forEach((p, i) => {
      assert.ok(Math.abs(p - Number(b[i])) < 1e-12)
    })
  })

  it('has an expectation only when every choice has a value', () => {
    const two = [scores(Math.log(0.25)), scores(Math.log(0.75))]
    const scale = verdictOn([choice('a', 0), choice('b', 2)], two, { kind: 'sum' })
    assert.ok(Math.abs(Number(scale.expectation) - 1.5) < 1e-12)
    assert.ok(Math.abs(Number(scale.deviation) - Math.sqrt(0.75)) < 1e-12)
    assert.equal(verdictOn([choice('a', 0), choice('b')], two, { kind: 'sum' }).expectation, undefined)
  })
})
