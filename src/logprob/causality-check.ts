import type { RowScores } from '../engine/engine.ts'
import { type Check, check } from '../scoring/checks/check.ts'
import type { EncodedItem } from './encoded-item.ts'

/** Above so many times the tolerance the difference is a fault and no longer a warning. */
const FAULT_FACTOR = 10

/** C06: x scored by itself gives the numbers that it has in front of y. `value` is the largest |difference| of a token, nats. */
export function causalityCheck(encoded: EncodedItem, together: RowScores, alone: RowScores, tolerance: number): Check {
  const value = Array.from(alone.logProbs).reduce((most, logProb, i) => Math.max(most, Math.abs(logProb - together.logProbs[i]!)), 0)
  const finding = { independent: true, value, tolerance }
  if (value <= tolerance) return check('causality', 'pass', `a separate pass over the ${encoded.sizes.x} tokens of x gives the same numbers`, finding)
  const status = value <= FAULT_FACTOR * tolerance ? 'warn' : 'fail'
  return check(
    'causality',
    status,
    'the numbers of x change when y follows it: a mask that lets tokens see later ones, or activations quantized over the whole text',
    finding
  )
}

export function causalitySkipped(reason: string): Check {
  return check('causality', 'skipped', reason)
}
