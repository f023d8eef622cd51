import { type Check, check } from './check.ts'

/** One output of an x. */
export interface Candidate {
  /** Including the end token if it was scored. */
  readonly ids: Int32Array
  /** log Pr(y | x), nats. */
  readonly conditional: number
}

/** Error of a sum of probabilities in float32. */
const ROUNDING = 1e-6

/**
 * `candidate_mass`. Outputs exclude each other if no token sequence equals another or begins it. `value` is the sum of
 * their probabilities. An error of e nats multiplies a probability by at most exp(e), hence the tolerance.
 */
export function candidateMassCheck(candidates: readonly Candidate[], toleranceNats: number): Check {
  if (!isPrefixFree(candidates))
    return check('candidate_mass', 'skipped', 'an output equals another or begins it, so the probabilities may add up to more than 1')
  const value = candidates.reduce((sum, { conditional }) => sum + Math.exp(conditional), 0)
  const longest = candidates.reduce((most, { ids }) => Math.max(most, ids.length), 0)
  const tolerance = ROUNDING + Math.expm1(toleranceNats * Math.sqrt(longest))
  const finding = { independent: true, value, tolerance: 1 + tolerance }
  if (value <= 1 + tolerance)
    return check('candidate_mass', 'pass', `the probabilities of the ${candidates.length} mutually exclusive outputs add up to at most 1`, finding)
  return check('candidate_mass', 'fail', `the probabilities of the ${candidates.length} mutually exclusive outputs add up to ${value}`, finding)
}

/** In sorted order, a sequence that begins others is directly before one of them. */
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
