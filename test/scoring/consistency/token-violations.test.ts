import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { consistencyOf } from '../../../src/scoring/consistency/consistency.ts'
import type { ReportedLogProbs, Rule } from '../../../src/scoring/consistency/token-violations.ts'
import { present } from '../../support/present.ts'

/** Three tokens of x and two of y: marginal -6, conditional -4, joint -10. */
const TOKENS = [-1, -2, -3, -1.5, -2.5]
const HEALTHY: ReportedLogProbs = { joint: -10, marginal: -6, conditional: -4, xTokens: 3, yTokens: 2, tokenLogProbs: TOKENS }

const rulesOf = (reported: ReportedLogProbs): Rule[] => consistencyOf(reported).violations.map(({ rule }) => rule)
const messagesOf = (changes: Partial<ReportedLogProbs>): string =>
  consistencyOf({ ...HEALTHY, ...changes })
    .violations.map(({ message }) => message)
    .join('\n')

describe('consistencyOf with the log-probabilities of tokens', () => {
  it('reports nothing if they sum to the three values', () => assert.deepEqual(rulesOf(HEALTHY), []))

  it('accepts a first token that was not scored', () => {
    assert.deepEqual(rulesOf({ joint: -9, marginal: -5, conditional: -4, xTokens: 3, tokenLogProbs: [null, -2, -3, -1.5, -2.5] }), [])
  })

  it('compares only joint if the number of tokens of x is unknown', () => {
    assert.deepEqual(rulesOf({ joint: -10, marginal: -7, tokenLogProbs: TOKENS }), [])
    assert.deepEqual(rulesOf({ joint: -11, marginal: -7, tokenLogProbs: TOKENS }), ['joint_is_token_sum'])
  })

  const RULES: readonly [string, ReportedLogProbs, readonly Rule[]][] = [
    ['a list longer than the counts', { ...HEALTHY, yTokens: 1 }, ['token_count']],
    ['a list shorter than one count', { joint: -10, marginal: -10, xTokens: 3, tokenLogProbs: [-10] }, ['token_count']],
    [
      'a token that was not scored',
      { ...HEALTHY, tokenLogProbs: [-1, -2, null, -4.5, -2.5] },
      ['token_unscored', 'marginal_is_token_sum', 'conditional_is_token_sum']
    ],
    ['a token above 0', { ...HEALTHY, tokenLogProbs: [-1, -2, -3, 0.25, -4.25] }, ['token_log_prob_le_zero']],
    ['a marginal of another text', { ...HEALTHY, marginal: -6.5, conditional: -3.5 }, ['marginal_is_token_sum', 'conditional_is_token_sum']]
  ]
  for (const [what, reported, rules] of RULES) it(`reports ${rules.join(', ')} for ${what}`, () => assert.deepEqual(rulesOf(reported), rules))

  const EXPLAINED: readonly [string, Partial<ReportedLogProbs>, RegExp][] = [
    ['a mean', { joint: -2 }, /joint is -2, .*: it is the mean of the 5 tokens/],
    ['bits', { conditional: -4 / Math.LN2 }, /conditional .*: it is the sum in bits/],
    ['a mean in bits', { marginal: -2 / Math.LN2 }, /marginal .*: it is the mean of the 3 tokens, in bits/],
    ['the opposite sign', { joint: 10 }, /joint .*: it is the sum with the opposite sign/],
    ['a token of y counted as x', { marginal: -7.5 }, /marginal .*: it includes the first token after its part/],
    ['a token of x counted as y', { conditional: -7 }, /conditional .*: it includes the last token before its part/],
    ['a token of x that went to y', { marginal: -3 }, /marginal .*: its last token is missing because it was counted in the wrong part/],
    ['a last token that is missing', { joint: -7.5 }, /joint .*: its last token is missing$/m],
    ['a first token that was not scored', { joint: -9 }, /joint .*: its first token is missing$/m]
  ]
  for (const [what, changes, message] of EXPLAINED) {
    it(`recognises ${what}`, () => assert.match(messagesOf(changes), message))
  }

  it('lists causes that the values suggest before the others', () => {
    const [violation] = consistencyOf({ joint: -2, marginal: -6, tokenLogProbs: TOKENS }).violations.filter(({ rule }) => rule === 'joint_is_token_sum')
    assert.match(present(violation?.possible_causes[0]), /mean of the 5 tokens/)
    assert.ok(present(violation?.possible_causes.length) > 1)
  })

  it('accepts any list that sums to the reported values', () => {
    const tokens = fc.array(fc.double({ min: -50, max: 0, noNaN: true }), { minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(tokens, fc.nat(40), (tokenLogProbs, at) => {
        const xTokens = Math.min(at, tokenLogProbs.length)
        const sum = (part: readonly number[]): number => part.reduce((total, value) => total + value, 0)
        const [marginal, conditional] = [sum(tokenLogProbs.slice(0, xTokens)), sum(tokenLogProbs.slice(xTokens))]
        assert.deepEqual(rulesOf({ joint: marginal + conditional, marginal, conditional, xTokens, yTokens: tokenLogProbs.length - xTokens, tokenLogProbs }), [])
      })
    )
  })
})
