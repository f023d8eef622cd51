import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { consistencyOf, type ReportedLogProbs, type Violation } from '../../src/scoring/consistency.ts'

describe('consistencyOf', () => {
  it("finds the textbook's joint -3.5 above its marginal -5.2", () => {
    const { consistent, violations, implied } = consistencyOf({ joint: -3.5, marginal: -5.2 })
    assert.equal(consistent, false)
    assert.deepEqual(
      violations.map(({ rule }) => rule),
      ['joint_le_marginal']
    )
    assert.equal(implied.probability.toFixed(2), '5.47')
    assert.equal(implied.conditional, -3.5 - -5.2)
  })

  const CASES: readonly [string, ReportedLogProbs, readonly Violation['rule'][]][] = [
    ['numbers that obey the chain rule', { joint: -5, marginal: -3, conditional: -2 }, []],
    ['a certain y', { joint: -3, marginal: -3 }, []],
    ['probability 1 of everything', { joint: 0, marginal: 0, conditional: 0 }, []],
    ['what rounding adds', { joint: -2.9995, marginal: -3, conditional: 0 }, []],
    ['a joint just above what rounding adds', { joint: -2.998, marginal: -3 }, ['joint_le_marginal']],
    ['a conditional that is not the difference', { joint: -5, marginal: -3, conditional: -2.5 }, ['additivity']],
    ['a probability above 1', { joint: 1, marginal: 2 }, ['log_prob_le_zero', 'log_prob_le_zero']],
    [
      'losses with the sign turned',
      { joint: 5, marginal: 3, conditional: 2 },
      ['log_prob_le_zero', 'log_prob_le_zero', 'log_prob_le_zero', 'joint_le_marginal']
    ],
    ['several faults at once', { joint: -1, marginal: -3, conditional: -2 }, ['joint_le_marginal', 'additivity']]
  ]
  for (const [what, reported, rules] of CASES) {
    it(`finds ${rules.length === 0 ? 'nothing wrong with' : rules.join(' and ')} in ${what}`, () => {
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
})
