import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Check, CheckStatus } from '../../../src/scoring/checks/check.ts'
import { additivityWithSeparateMarginal, contextSensitivity, jointLeSeparateMarginal, type SeparateMarginal } from '../../../src/scoring/checks/pass-checks.ts'
import type { LogProbSums } from '../../../src/scoring/scored-sequence.ts'

/** Sixteen tokens at a quarter of a nat: their sum may be off by one nat. */
const SEPARATE: SeparateMarginal = { marginal: -8, tokens: 16, toleranceNats: 0.25 }

function sums(joint: number | null, conditional: number | null): LogProbSums {
  return { joint, marginal: -8, conditional, eos: null, isConditionalOnFirstToken: false }
}

function assertFound(found: Check, id: string, status: CheckStatus, value: number | null, tolerance: number): void {
  const isCompared = status !== 'skipped'
  assert.deepEqual([found.id, found.status, found.value, found.tolerance, found.independent], [id, status, value, isCompared ? tolerance : null, isCompared])
}

describe('the joint_le_marginal_two_pass check', () => {
  const CASES: readonly [string, number | null, CheckStatus, number | null][] = [
    ['a joint below the separate marginal', -12, 'pass', -4],
    ['a certain y', -8, 'pass', 0],
    ['a joint above it by the tolerance of the sum', -7, 'pass', 1],
    ['a joint above it by more', -6.75, 'fail', 1.25],
    ['a joint that is not a number', Number.NaN, 'fail', Number.NaN],
    ['no joint', null, 'skipped', null]
  ]
  for (const [what, joint, status, value] of CASES) {
    it(`is ${status} for ${what}`, () => assertFound(jointLeSeparateMarginal(sums(joint, -4), SEPARATE), 'joint_le_marginal_two_pass', status, value, 1))
  }
})

describe('the additivity_two_pass check', () => {
  const CASES: readonly [string, number | null, number | null, CheckStatus, number | null][] = [
    ['sums that agree', -12, -4, 'pass', 0],
    ['a joint above by the tolerance of the sum', -11, -4, 'pass', 1],
    ['a joint below by the tolerance of the sum', -13, -4, 'pass', 1],
    ['a joint above by more', -10.75, -4, 'fail', 1.25],
    ['a joint below by more', -13.25, -4, 'fail', 1.25],
    ['a conditional that is not a number', -12, Number.NaN, 'fail', Number.NaN],
    ['no joint', null, -4, 'skipped', null],
    ['no conditional', -12, null, 'skipped', null]
  ]
  for (const [what, joint, conditional, status, value] of CASES) {
    it(`is ${status} for ${what}`, () =>
      assertFound(additivityWithSeparateMarginal(sums(joint, conditional), SEPARATE), 'additivity_two_pass', status, value, 1))
  }
})

describe('the context_sensitivity check', () => {
  const CASES: readonly [string, number, number, number, CheckStatus, number | null][] = [
    ['an x that makes y more probable', -3, -5, 4, 'pass', 2],
    ['an x that makes y less probable', -5, -3, 4, 'pass', -2],
    ['a y as probable without x', -3, -3, 4, 'warn', 0],
    ['a difference at the tolerance', -3, -3.25, 40, 'warn', 0.25],
    ['a difference just above the tolerance', -3, -3.5, 40, 'pass', 0.5],
    ['numbers that are none', Number.NaN, -3, 4, 'warn', Number.NaN],
    ['an x of three tokens', -3, -3, 3, 'skipped', null]
  ]
  for (const [what, conditional, unconditional, xTokens, status, value] of CASES) {
    it(`is ${status} for ${what}`, () => assertFound(contextSensitivity(conditional, unconditional, xTokens, 0.25), 'context_sensitivity', status, value, 0.25))
  }
})
