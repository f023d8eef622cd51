import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { consistencyOf, MAX_NATS } from '../../../src/scoring/consistency/consistency.ts'
import type { ReportedLogProbs, Violation } from '../../../src/scoring/consistency/token-violations.ts'
import { present } from '../../support/present.ts'

describe('consistencyOf', () => {
  it('reports a joint of -3.5 above a marginal of -5.2', () => {
    const { consistent, violations, implied } = consistencyOf({ joint: -3.5, marginal: -5.2 })
    assert.equal(consistent, false)
    assert.deepEqual(
      violations.map(({ rule }) => rule),
      ['joint_le_marginal']
    )
    assert.equal(implied.probability?.toFixed(2), '5.47')
    assert.equal(implied.conditional, -3.5 - -5.2)
  })

  const CASES: readonly [string, ReportedLogProbs, readonly Violation['rule'][]][] = [
    ['values that obey the chain rule', { joint: -5, marginal: -3, conditional: -2 }, []],
    ['a certain y', { joint: -3, marginal: -3 }, []],
    ['probabilities of 1', { joint: 0, marginal: 0, conditional: 0 }, []],
    ['a rounding error', { joint: -2.9995, marginal: -3, conditional: 0 }, []],
    ['a joint above the marginal by more than a rounding error', { joint: -2.998, marginal: -3 }, ['joint_le_marginal']],
    ['a conditional that is not the difference', { joint: -5, marginal: -3, conditional: -2.5 }, ['additivity']],
    ['a probability above 1', { joint: 1, marginal: 2 }, ['log_prob_le_zero', 'log_prob_le_zero']],
    [
      'losses instead of log-probabilities',
      { joint: 5, marginal: 3, conditional: 2 },
      ['log_prob_le_zero', 'log_prob_le_zero', 'log_prob_le_zero', 'joint_le_marginal']
    ],
    ['values rounded to three decimals', { joint: -22.074, marginal: -18.285, conditional: -3.79 }, []],
    ['an x without tokens but with a probability', { joint: -5, marginal: -3, xTokens: 0 }, ['empty_part']],
    ['a y without tokens but with a probability', { joint: -5, marginal: -3, yTokens: 0 }, ['empty_part']],
    ['empty parts with probability 1', { joint: 0, marginal: 0, xTokens: 0, yTokens: 0 }, []],
    ['several faults at once', { joint: -1, marginal: -3, conditional: -2 }, ['joint_le_marginal', 'additivity']]
  ]
  for (const [what, reported, rules] of CASES) {
    it(`reports ${rules.length === 0 ? 'no violation' : rules.join(' and ')} for ${what}`, () => {
      const { consistent, violations } = consistencyOf(reported)
      assert.deepEqual(
        violations.map(({ rule }) => rule),
        rules
      )
      assert.equal(consistent, rules.length === 0)
    })
  }

  it('names possible causes for every violation', () => {
    const { violations } = consistencyOf({ joint: 1, marginal: -3, conditional: -2 })
    assert.equal(violations.length, 3)
    for (const { possible_causes } of violations) assert.ok(possible_causes.length >= 2)
  })

  it('accepts every joint that is the sum of two log-probabilities', () => {
    const logProb = fc.double({ min: -1e4, max: 0, noNaN: true })
    fc.assert(
      fc.property(logProb, logProb, (marginal, conditional) => {
        assert.deepEqual(consistencyOf({ joint: marginal + conditional, marginal, conditional }).violations, [])
      })
    )
  })

  it('suggests means first if the token counts turn the values into consistent sums', () => {
    const { violations } = consistencyOf({ joint: -3.5, marginal: -5.2, xTokens: 6, yTokens: 4 })
    assert.match(present(violations[0]?.possible_causes[0]), /^means per token .* sums of -35 and -31\.2/)
    assert.doesNotMatch(present(consistencyOf({ joint: -3.5, marginal: -5.2, xTokens: 6, yTokens: 1 }).violations[0]?.possible_causes[0]), /^means/)
  })

  it('suggests rounding only if the excess is small', () => {
    const causes = (joint: number): string => present(consistencyOf({ joint, marginal: -3 }).violations[0]?.possible_causes.join())
    assert.match(causes(-2.9), /rounded differently/)
    assert.doesNotMatch(causes(-1), /rounded differently/)
  })

  const EXTREMES: readonly [string, number, number, RegExp][] = [
    ['underflows', -2000, -1, /^exp\(-1999\) is about 10\^-868\.2/],
    ['overflows', -1, -2000, /^exp\(1999\) is about 10\^868\.2/],
    ['overflows at the largest values accepted', MAX_NATS, -MAX_NATS, /^exp\(2000000000000\) is about 10\^/]
  ]
  for (const [what, joint, marginal, note] of EXTREMES) {
    it(`describes a probability that ${what} in a note instead of returning null`, () => {
      const { implied, violations } = consistencyOf({ joint, marginal })
      assert.equal('probability' in implied, false)
      assert.match(present(implied.probability_note), note)
      assert.doesNotMatch(JSON.stringify({ implied, violations }), /null|Infinity/)
    })
  }
})
