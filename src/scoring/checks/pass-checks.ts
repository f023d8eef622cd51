import type { LogProbSums } from '../scored-sequence.ts'
import { type Check, type CheckId, check } from './check.ts'

/** Above so many times the tolerance a difference is a fault and no longer a warning. */
const FAULT_FACTOR = 10

/** What two passes over the same tokens gave, compared token by token. */
export interface PassDifference {
  /** Largest |difference| of a token, nats; infinite when the passes have different lengths. */
  readonly max: number
  /** The row where it is. */
  readonly row: number
  /** |difference| of every token, nats. */
  readonly all: readonly number[]
}

/** |differences| of two lists of token log-probabilities, nats: (n,) each. A NaN in either is infinitely far away. */
export function passDifference(a: ArrayLike<number>, b: ArrayLike<number>): PassDifference {
  if (a.length !== b.length) return { max: Number.POSITIVE_INFINITY, row: Math.min(a.length, b.length), all: [Number.POSITIVE_INFINITY] }
  // A NaN is a difference too, and would compare as false.
  const all = Array.from(a, (value, i) => (Number.isNaN(value - b[i]!) ? Number.POSITIVE_INFINITY : Math.abs(value - b[i]!)))
  const max = all.reduce((most, difference) => Math.max(most, difference), 0)
  return { max, row: Math.max(0, all.indexOf(max)), all }
}

interface PassCheck {
  readonly id: Extract<CheckId, 'causality' | 'batch_invariance' | 'padding_invariance' | 'cache_invariance'>
  /** What agrees, in words: "x alone and in front of y". */
  readonly what: string
  /** Largest difference of a token that rounding explains, nats. */
  readonly toleranceNats: number
}

/**
 * `causality`, `batch_invariance`, `padding_invariance` and `cache_invariance`: two passes over the same tokens give the
 * same numbers. `value` is the largest |difference| of a token, nats.
 */
export function passCheck({ id, what, toleranceNats }: PassCheck, { max, row }: PassDifference): Check {
  const finding = { independent: true, value: Number.isFinite(max) ? max : null, tolerance: toleranceNats }
  if (max <= toleranceNats) return check(id, 'pass', `the numbers agree: ${what}`, finding)
  const message = `the numbers differ by ${max} nats at scored token ${row}: ${what}`
  return check(id, max <= FAULT_FACTOR * toleranceNats ? 'warn' : 'fail', message, finding)
}

/** `rerun`: the same pass twice. Rounding that varies is worth a warning; more than the tolerance is a fault. */
export function rerunCheck(toleranceNats: number, { max, row }: PassDifference): Check {
  const finding = { independent: true, value: Number.isFinite(max) ? max : null, tolerance: 0 }
  if (max === 0) return check('rerun', 'pass', 'the same pass twice gave the same numbers, bit for bit', finding)
  return check('rerun', max <= toleranceNats ? 'warn' : 'fail', `the same pass twice differs by ${max} nats at scored token ${row}`, finding)
}

/** log Pr(x) from a pass over x by itself, and how many tokens it sums; nats. */
export interface SeparateMarginal {
  readonly marginal: number
  readonly tokens: number
  /** Of one token. Errors of tokens are independent, so that of a sum grows with the root of their number. */
  readonly toleranceNats: number
}

/** `joint_le_marginal` with a marginal of its own. `value` is joint - marginal. */
export function jointLeSeparateMarginal({ joint }: LogProbSums, { marginal, tokens, toleranceNats }: SeparateMarginal): Check {
  if (joint === null) return check('joint_le_marginal_two_pass', 'skipped', 'joint was not computed')
  const value = joint - marginal
  const tolerance = toleranceNats * Math.sqrt(tokens)
  const finding = { independent: true, value, tolerance }
  if (value <= tolerance) return check('joint_le_marginal_two_pass', 'pass', 'x and y together are at most as probable as x scored by itself', finding)
  return check('joint_le_marginal_two_pass', 'fail', 'x and y together came out more probable than x scored by itself', finding)
}

/** `additivity` with a marginal of its own. `value` is |joint - marginal - conditional|. */
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

/** `context_sensitivity`. `value` is the pointwise mutual information log Pr(y | x) - log Pr(y), nats. */
export function contextSensitivity(conditional: number, unconditional: number, xTokens: number, toleranceNats: number): Check {
  const value = conditional - unconditional
  const finding = { independent: true, value, tolerance: toleranceNats }
  if (xTokens < LEAST_CONTEXT) return check('context_sensitivity', 'skipped', `x has ${xTokens} tokens; from ${LEAST_CONTEXT} on it should make a difference`)
  if (Math.abs(value) > toleranceNats) return check('context_sensitivity', 'pass', 'x makes y more or less probable, so it is seen', finding)
  return check('context_sensitivity', 'warn', 'y is as probable with x as without it', finding)
}
