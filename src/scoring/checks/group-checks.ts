import { type Check, check } from './check.ts'

/** One output of an x: its token ids, end token included when scored, and log Pr(y | x) in nats. */
export interface Candidate {
  readonly ids: Int32Array
  readonly conditional: number
}

const ROUNDING = 1e-6

/**
 * `candidate_mass`: outputs of one x of which none begins another exclude each other, so their probabilities add up to
 * at most 1. `value` is the sum. A sum of probabilities is off by at most its own size times the error of the
 * log-probabilities.
 */
export function candidateMassCheck(candidates: readonly Candidate[], toleranceNats: number): Check {
  if (!isPrefixFree(candidates))
    return check('candidate_mass', 'skipped', 'an output begins another or equals it, so their probabilities may add up to more than 1')
  const value = candidates.reduce((sum, { conditional }) => sum + Math.exp(conditional), 0)
  const longest = candidates.reduce((most, { ids }) => Math.max(most, ids.length), 0)
  const tolerance = ROUNDING + Math.expm1(toleranceNats * Math.sqrt(longest))
  const finding = { independent: true, value, tolerance: 1 + tolerance }
  if (value <= 1 + tolerance)
    return check('candidate_mass', 'pass', `the ${candidates.length} outputs of this x, which exclude each other, share a probability of at most 1`, finding)
  return check('candidate_mass', 'fail', `the ${candidates.length} outputs of this x exclude each other and share a probability of ${value}`, finding)
}

/** Sorted by their ids, a sequence that begins another stands right before one that it begins. */
function isPrefixFree(candidates: readonly Candidate[]): boolean {
  const sorted = candidates.map(({ ids }) => ids).sort(byIds)
  return sorted.every((ids, i) => i === 0 || !begins(sorted[i - 1]!, ids))
}

function begins(start: Int32Array, ids: Int32Array): boolean {
  return start.length <= ids.length && start.every((id, i) => ids[i] === id)
}

function byIds(a: Int32Array, b: Int32Array): number {
  for (let i = 0; i < a.length && i < b.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.length - b.length
}
