import type { CheckId } from './catalog.ts'
import { type Check, check } from './check.ts'

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

/** C06, C08, C09: two passes over the same tokens give the same numbers. `value` is the largest |difference| of a token, nats. */
export function passCheck({ id, what, toleranceNats }: PassCheck, { max, row }: PassDifference): Check {
  const finding = { independent: true, value: Number.isFinite(max) ? max : null, tolerance: toleranceNats }
  if (max <= toleranceNats) return check(id, 'pass', `the numbers agree: ${what}`, finding)
  const message = `the numbers differ by ${max} nats at scored token ${row}: ${what}`
  return check(id, max <= FAULT_FACTOR * toleranceNats ? 'warn' : 'fail', message, finding)
}

/** C07: the same pass twice. Rounding that varies is worth a warning; more than the tolerance is a fault. */
export function rerunCheck(toleranceNats: number, { max, row }: PassDifference): Check {
  const finding = { independent: true, value: Number.isFinite(max) ? max : null, tolerance: 0 }
  if (max === 0) return check('rerun', 'pass', 'the same pass twice gave the same numbers, bit for bit', finding)
  return check('rerun', max <= toleranceNats ? 'warn' : 'fail', `the same pass twice differs by ${max} nats at scored token ${row}`, finding)
}
