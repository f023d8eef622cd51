/** How far the passes of one model over the same tokens differ, and what follows for its tolerance. */

/** What 4 x the 99.9th percentile is cut to: the ceiling of the numerics above, a tenth of it below. */
const SAFETY_FACTOR = 4
const QUANTILE = 0.999
const LEAST_SHARE_OF_CEILING = 0.1

export interface Noise {
  /** Largest |difference| of a token, nats. */
  readonly max: number
  /** 99.9th percentile of the |differences|, nats. */
  readonly p999: number
  /** How many tokens were compared. */
  readonly tokens: number
}

export function noiseOf(differences: readonly number[]): Noise {
  const rising = [...differences].sort((a, b) => a - b)
  const max = rising.at(-1) ?? 0
  return { max, p999: rising[Math.ceil(QUANTILE * rising.length) - 1] ?? 0, tokens: rising.length }
}

/**
 * Tolerance of a token, nats: four times the measured 99.9th percentile, at most the ceiling of the numerics. Not below
 * a tenth of the ceiling either: a self-test of some hundred tokens that finds no noise, as on one CPU with one thread,
 * has not seen the longest text.
 */
export function calibratedTolerance({ p999 }: Noise, ceilingNats: number): number {
  return Math.min(ceilingNats, Math.max(SAFETY_FACTOR * p999, LEAST_SHARE_OF_CEILING * ceilingNats))
}
