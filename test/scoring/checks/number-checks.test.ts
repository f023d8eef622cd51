import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Check, CheckStatus } from '../../../src/scoring/checks/check.ts'
import { additivityCheck, atMostZeroCheck, finiteCheck, greedyCheck, jointLeMarginalCheck } from '../../../src/scoring/checks/number-checks.ts'
import type { LogProbSums, ScoredSequence } from '../../../src/scoring/scored-sequence.ts'
import { sequenceOf } from '../../support/scored-sequence.ts'

function assertCheck(found: Check, id: string, status: CheckStatus, value: number | null, independent: boolean): void {
  assert.deepEqual([found.id, found.status, found.value, found.independent], [id, status, value, independent])
}

const withLogProbs = (...logProbs: (number | null)[]): ScoredSequence => sequenceOf({ prefix: 1, x: 1, y: logProbs.length - 2 }, logProbs)

describe('the finite check', () => {
  const CASES: readonly [string, readonly (number | null)[], CheckStatus, number | null][] = [
    ['finite values', [null, -1, -2], 'pass', null],
    ['no scored token', [null, null, null], 'pass', null],
    ['NaN', [null, Number.NaN, -2], 'fail', 1],
    ['-Infinity', [null, -1, Number.NEGATIVE_INFINITY], 'fail', 2],
    ['+Infinity', [null, Number.POSITIVE_INFINITY, -1], 'fail', 1]
  ]
  for (const [what, logProbs, status, value] of CASES) {
    it(`is ${status} for ${what}`, () => assertCheck(finiteCheck(withLogProbs(...logProbs)), 'finite', status, value, true))
  }
})

describe('the log_prob_le_zero check', () => {
  const CASES: readonly [string, readonly (number | null)[], CheckStatus, number | null][] = [
    ['log-probabilities', [null, -1, -0.5], 'pass', -0.5],
    ['a certain token', [null, -1, 0], 'pass', 0],
    ['a rounding error above 0', [null, -1, 1e-5], 'pass', 1e-5],
    ['more than a rounding error above 0', [null, -1, 2e-5], 'fail', 2e-5],
    ['logits', [null, 8.5, -3], 'fail', 8.5],
    ['no numbers', [null, null, null], 'pass', null]
  ]
  for (const [what, logProbs, status, value] of CASES) {
    it(`is ${status} for ${what}`, () => assertCheck(atMostZeroCheck(withLogProbs(...logProbs)), 'log_prob_le_zero', status, value, true))
  }
})

const sums = (joint: number | null, marginal: number | null, conditional: number | null): LogProbSums => ({
  joint,
  marginal,
  conditional,
  eos: null,
  isConditionalOnFirstToken: false
})

describe('the joint_le_marginal check', () => {
  const CASES: readonly [string, LogProbSums, CheckStatus, number | null][] = [
    ['a joint below the marginal', sums(-5, -3, -2), 'pass', -2],
    ['a joint equal to the marginal', sums(-3, -3, 0), 'pass', 0],
    ['a joint above the marginal', sums(-3, -3.5, 0), 'fail', 0.5],
    ['no joint', sums(null, -3, -2), 'skipped', null],
    ['no marginal', sums(-3, null, -2), 'skipped', null]
  ]
  for (const [what, some, status, value] of CASES) {
    it(`is ${status} for ${what}`, () => assertCheck(jointLeMarginalCheck(some), 'joint_le_marginal', status, value, false))
  }
})

describe('the additivity check', () => {
  const CASES: readonly [string, LogProbSums, CheckStatus, number | null][] = [
    ['sums that agree', sums(-5, -3, -2), 'pass', 0],
    ['sums that do not', sums(-5, -3, -2.5), 'fail', 0.5],
    ['a rounding error next to a large joint', sums(-(2 ** 30) - 0.5, -(2 ** 30), 0), 'pass', 0.5],
    ['the same error next to a small joint', sums(-1.5, -1, 0), 'fail', 0.5],
    ['a joint of NaN', sums(Number.NaN, -3, -2), 'fail', Number.NaN],
    ['no conditional', sums(-5, -3, null), 'skipped', null]
  ]
  for (const [what, some, status, value] of CASES) {
    it(`is ${status} for ${what}`, () => assertCheck(additivityCheck(some), 'additivity', status, value, false))
  }
})

describe('the greedy_consistent check', () => {
  /** One scored token, id 7, at position 1. */
  const row = (logProb: number | null, best: { id: number; logProb: number } | null, rank: number | null): ScoredSequence => ({
    ...sequenceOf({ prefix: 1, y: 1 }, [null, logProb]),
    ids: Int32Array.of(0, 7),
    best: [null, best],
    ranks: [null, rank]
  })
  const CASES: readonly [string, ScoredSequence, CheckStatus][] = [
    ['the arg-max', row(-1, { id: 7, logProb: -1 }, 1), 'pass'],
    ['a token below the arg-max', row(-2, { id: 3, logProb: -1 }, 4), 'pass'],
    ['a token equal to the arg-max', row(-1, { id: 3, logProb: -1 }, 1), 'pass'],
    ['a rank of 2 although rounding made the log-probabilities equal', row(-1, { id: 3, logProb: -1 }, 2), 'pass'],
    ['a row without rank', row(-2, { id: 3, logProb: -1 }, null), 'pass'],
    ['a row that was not scored', row(null, null, null), 'pass'],
    ['a token above the arg-max', row(-0.5, { id: 3, logProb: -1 }, null), 'fail'],
    ['an arg-max with another log-probability', row(-2, { id: 7, logProb: -1 }, null), 'fail'],
    ['rank 1 below the arg-max', row(-2, { id: 3, logProb: -1 }, 1), 'fail'],
    ['another rank for the arg-max', row(-1, { id: 7, logProb: -1 }, 2), 'fail']
  ]
  for (const [what, sequence, status] of CASES) {
    it(`is ${status} for ${what}`, () => assertCheck(greedyCheck(sequence), 'greedy_consistent', status, status === 'fail' ? 1 : null, true))
  }
})
