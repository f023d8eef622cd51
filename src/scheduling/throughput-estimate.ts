/** Time constant with which old batches lose weight, in milliseconds of computing. */
const DECAY_MS = 2_000
/** Computing time before the estimate counts: the first passes are slow. */
const MIN_OBSERVED_MS = 1000
/** Assumed speed before any measurement, for `Retry-After` alone. */
const DEFAULT_MS_PER_TOKEN = 1
const MAX_RETRY_SECONDS = 60

/**
 * Milliseconds per token of a saturated engine: sums over past batches, which decay with the computing time since.
 * A batch of an idle engine is small and shows only a lower bound of the speed, so it counts only when it was faster.
 */
export class ThroughputEstimate {
  #tokens = 0
  #elapsedMs = 0

  observe(tokens: number, elapsedMs: number, isSaturated: boolean): void {
    const { msPerToken } = this
    if (!isSaturated && (msPerToken === null || elapsedMs >= tokens * msPerToken)) return
    const decay = Math.exp(-elapsedMs / DECAY_MS)
    this.#tokens = this.#tokens * decay + tokens
    this.#elapsedMs = this.#elapsedMs * decay + elapsedMs
  }

  /** Null until a second of computing was observed: no request is refused on a guess. */
  get msPerToken(): number | null {
    return this.#elapsedMs < MIN_OBSERVED_MS || this.#tokens === 0 ? null : this.#elapsedMs / this.#tokens
  }

  /** Like `msPerToken`, with a guess before any measurement: for `Retry-After` alone. */
  get assumedMsPerToken(): number {
    return this.msPerToken ?? DEFAULT_MS_PER_TOKEN
  }
}

/** Seconds from 1 to 60. */
export function retryAfterSeconds(waitMs: number): number {
  return Math.min(MAX_RETRY_SECONDS, Math.max(1, waitMs / 1000))
}
