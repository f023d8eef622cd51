/** Batches are forgotten with this time constant, in milliseconds of computing. */
const MEMORY_MS = 5_000
/** Computing that has to be seen before it is taken for the speed of the model: the first passes are slow. */
const LEAST_MS = 1000
/** Tokens a second where nothing was seen yet, for telling a refused client when to come back. */
const ASSUMED_TOKENS_PER_MS = 1
const MAX_SECONDS = 60

/**
 * Tokens a millisecond that the engine does while more work waits than fits into a batch: sums over past batches that
 * fade with the time computed since. A batch of an idle service says nothing of that, unless it was faster.
 */
export class ThroughputEstimate {
  #tokens = 0
  #elapsedMs = 0

  observe(tokens: number, elapsedMs: number, isSaturated: boolean): void {
    const { msPerToken } = this
    if (!isSaturated && (msPerToken === null || elapsedMs >= tokens * msPerToken)) return
    const kept = Math.exp(-elapsedMs / MEMORY_MS)
    this.#tokens = this.#tokens * kept + tokens
    this.#elapsedMs = this.#elapsedMs * kept + elapsedMs
  }

  /** Null until enough was seen: a refusal needs a reason. */
  get msPerToken(): number | null {
    return this.#elapsedMs < LEAST_MS || this.#tokens === 0 ? null : this.#elapsedMs / this.#tokens
  }

  /** How long so many tokens take, as `Retry-After`. */
  secondsFor(tokens: number): number {
    return retryAfterSeconds(tokens * (this.msPerToken ?? 1 / ASSUMED_TOKENS_PER_MS))
  }
}

/** Whole seconds, from 1 to 60. */
export function retryAfterSeconds(waitMs: number): number {
  return Math.min(MAX_SECONDS, Math.max(1, Math.ceil(waitMs / 1000)))
}
