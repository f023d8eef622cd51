/** Measures how much passes over the same tokens differ, and derives the tolerance of a model. */

const SAFETY_FACTOR = 4
const QUANTILE = 0.999
/** The tolerance is at least this share of the ceiling. */
const LEAST_SHARE_OF_CEILING = 0.1

export interface Noise {
  /** Largest |difference| of a token, nats. */
  readonly max: number
  /** 99.9th percentile of the |differences|, nats. */
  readonly p999: number
  /** Number of tokens compared. */
  readonly tokens: number
}

export function noiseOf(differences: readonly number[]): Noise {
  const rising = [...differences].sort((a, b) => a - b)
  const max = rising.at(-1) ?? 0
  return { max, p999: rising[Math.ceil(QUANTILE * rising.length) - 1] ?? 0, tokens: rising.length }
}

/**
 * Tolerance of a token, nats: four times the measured 99.9th percentile, between a tenth of the ceiling and the ceiling
 * of the numerics. The lower bound is for a self-test that finds no noise, as on a CPU with one thread: it scores some
 * hundred tokens, and longer texts vary more.
 */
export function calibratedTolerance({ p999 }: Noise, ceilingNats: number): number {
  return Math.min(ceilingNats, Math.max(SAFETY_FACTOR * p999, LEAST_SHARE_OF_CEILING * ceilingNats))
}
