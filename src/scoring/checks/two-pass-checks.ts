import type { LogProbSums } from '../log-prob-sums.ts'
import { type Check, check } from './check.ts'

/** log Pr(x) from a pass over x by itself, and how many tokens it sums; nats. */
export interface SeparateMarginal {
  readonly marginal: number
  readonly tokens: number
  /** Of one token. Errors of tokens are independent, so that of a sum grows with the root of their number. */
  readonly toleranceNats: number
}

/** C04 with a marginal of its own. `value` is joint - marginal. */
export function jointLeSeparateMarginal({ joint }: LogProbSums, { marginal, tokens, toleranceNats }: SeparateMarginal): Check {
  if (joint === null) return check('joint_le_marginal_two_pass', 'skipped', 'joint was not computed')
  const value = joint - marginal
  const tolerance = toleranceNats * Math.sqrt(tokens)
  const finding = { independent: true, value, tolerance }
  if (value <= tolerance) return check('joint_le_marginal_two_pass', 'pass', 'x and y together are at most as probable as x scored by itself', finding)
  return check('joint_le_marginal_two_pass', 'fail', 'x and y together came out more probable than x scored by itself', finding)
}

/** C05 with a marginal of its own. `value` is |joint - marginal - conditional|. */
export function additivityWithSeparateMarginal({ joint, conditional }: LogProbSums, { marginal, tokens, toleranceNats }: SeparateMarginal): Check {
  if (joint === null || conditional === null) return check('additivity_two_pass', 'skipped', 'joint and conditional were not both computed')
  const value = Math.abs(joint - marginal - conditional)
  const tolerance = toleranceNats * Math.sqrt(tokens)
  const finding = { independent: true, value, tolerance }
  if (value <= tolerance) return check('additivity_two_pass', 'pass', 'joint is the sum of the conditional and of x scored by itself', finding)
  return check('additivity_two_pass', 'fail', 'joint is not the sum of the conditional and of x scored by itself', finding)
}

/** Fewer tokens of x may say nothing of y. */
const LEAST_CONTEXT = 4

/** C31. `value` is the pointwise mutual information log Pr(y | x) - log Pr(y), nats. */
export function contextSensitivity(conditional: number, unconditional: number, xTokens: number, toleranceNats: number): Check {
  const value = conditional - unconditional
  const finding = { independent: true, value, tolerance: toleranceNats }
  if (xTokens < LEAST_CONTEXT) return check('context_sensitivity', 'skipped', `x has ${xTokens} tokens; from ${LEAST_CONTEXT} on it should make a difference`)
  if (Math.abs(value) > toleranceNats) return check('context_sensitivity', 'pass', 'x makes y more or less probable, so it is seen', finding)
  return check('context_sensitivity', 'warn', 'y is as probable with x as without it', finding)
}
