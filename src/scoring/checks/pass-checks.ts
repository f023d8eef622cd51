import type { LogProbSums } from '../scored-sequence.ts'
import { type Check, type CheckId, check } from './check.ts'

/** A difference above this many tolerances fails; a smaller one warns. */
const FAULT_FACTOR = 10

/** Differences between two passes over the same tokens. */
export interface PassDifference {
  /** Largest |difference| of a token, nats; infinite if the passes have different lengths. */
  readonly max: number
  /** Index of that token among the scored tokens. */
  readonly row: number
  /** |difference| of every token, nats. */
  readonly all: readonly number[]
}

/**
 * Compares token log-probabilities of two passes, nats: (n,) each. NaN in either pass counts as an infinite
 * difference.
 */
export function passDifference(a: ArrayLike<number>, b: ArrayLike<number>): PassDifference {
  if (a.length !== b.length) return { max: Number.POSITIVE_INFINITY, row: Math.min(a.length, b.length), all: [Number.POSITIVE_INFINITY] }
  // Also NaN for two equal infinities, which no finite tolerance should accept.
  const all = Array.from(a, (value, i) => (Number.isNaN(value - b[i]!) ? Number.POSITIVE_INFINITY : Math.abs(value - b[i]!)))
  const max = all.reduce((most, difference) => Math.max(most, difference), 0)
  return { max, row: Math.max(0, all.indexOf(max)), all }
}

interface PassCheck {
  readonly id: Extract<CheckId, 'causality' | 'batch_invariance' | 'padding_invariance' | 'cache_invariance'>
  /** The two passes, in words: "x alone, and x before y". */
  readonly what: string
  /** Largest difference of a token that rounding can explain, nats. */
  readonly toleranceNats: number
}

/** A check that two passes over the same tokens agree. `value` is the largest |difference| of a token, nats. */
export function passCheck({ id, what, toleranceNats }: PassCheck, { max, row }: PassDifference): Check {
  const finding = { independent: true, value: Number.isFinite(max) ? max : null, tolerance: toleranceNats }
  if (max <= toleranceNats) return check(id, 'pass', `the log-probabilities agree: ${what}`, finding)
  const message = `the log-probabilities differ by ${max} nats at scored token ${row}: ${what}`
  return check(id, max <= FAULT_FACTOR * toleranceNats ? 'warn' : 'fail', message, finding)
}

/**
 * `rerun`. Varying rounding warns; a difference above the tolerance fails. `value` is the largest |difference|, nats.
 */
export function rerunCheck(toleranceNats: number, { max, row }: PassDifference): Check {
  const finding = { independent: true, value: Number.isFinite(max) ? max : null, tolerance: 0 }
  if (max === 0) return check('rerun', 'pass', 'the same pass twice gave log-probabilities that are equal bit for bit', finding)
  return check('rerun', max <= toleranceNats ? 'warn' : 'fail', `two runs of the same pass differ by ${max} nats at scored token ${row}`, finding)
}

/** log Pr(x) from a separate pass over x. */
export interface SeparateMarginal {
  /** Nats. */
  readonly marginal: number
  /** Number of tokens that `marginal` sums. */
  readonly tokens: number
  /** For one token. Token errors are independent, so the error of a sum grows with the square root of their number. */
  readonly toleranceNats: number
}

/** `joint_le_marginal_two_pass`. `value` is joint - marginal, nats. */
export function jointLeSeparateMarginal({ joint }: LogProbSums, { marginal, tokens, toleranceNats }: SeparateMarginal): Check {
  if (joint === null) return check('joint_le_marginal_two_pass', 'skipped', 'joint was not computed')
  const value = joint - marginal
  const tolerance = toleranceNats * Math.sqrt(tokens)
  const finding = { independent: true, value, tolerance }
  if (value <= tolerance) return check('joint_le_marginal_two_pass', 'pass', 'Pr([x,y]) is at most Pr(x) from a separate pass', finding)
  return check('joint_le_marginal_two_pass', 'fail', 'Pr([x,y]) is above Pr(x) from a separate pass', finding)
}

/** `additivity_two_pass`. `value` is |joint - marginal - conditional|, nats. */
export function additivityWithSeparateMarginal({ joint, conditional }: LogProbSums, { marginal, tokens, toleranceNats }: SeparateMarginal): Check {
  if (joint === null || conditional === null) return check('additivity_two_pass', 'skipped', 'joint and conditional were not both computed')
  const value = Math.abs(joint - marginal - conditional)
  const tolerance = toleranceNats * Math.sqrt(tokens)
  const finding = { independent: true, value, tolerance }
  if (value <= tolerance) return check('additivity_two_pass', 'pass', 'the joint is the sum of the conditional and the marginal from a separate pass', finding)
  return check('additivity_two_pass', 'fail', 'the joint is not the sum of the conditional and the marginal from a separate pass', finding)
}

/** A shorter x may be irrelevant to y. */
const MIN_CONTEXT_TOKENS = 4

/** `context_sensitivity`. `value` is the pointwise mutual information log Pr(y | x) - log Pr(y), nats. */
export function contextSensitivity(conditional: number, unconditional: number, xTokens: number, toleranceNats: number): Check {
  const value = conditional - unconditional
  const finding = { independent: true, value, tolerance: toleranceNats }
  if (xTokens < MIN_CONTEXT_TOKENS) return check('context_sensitivity', 'skipped', `x has ${xTokens} tokens; the check needs ${MIN_CONTEXT_TOKENS}`)
  if (Math.abs(value) > toleranceNats) return check('context_sensitivity', 'pass', 'x changes the probability of y, so the model sees x', finding)
  return check('context_sensitivity', 'warn', 'x does not change the probability of y', finding)
}
