/** Weight of the newest batch in the moving average. */
const NEWEST = 0.2
const DEFAULT_TOKENS_PER_SECOND = 1000
const MAX_SECONDS = 60

/** Moving average of tokens a second, for telling a refused client when to come back. */
export class ThroughputEstimate {
  #tokensPerSecond = DEFAULT_TOKENS_PER_SECOND

  observe(tokens: number, runMs: number): void {
    const current = tokens / Math.max(runMs / 1000, 1e-4)
    this.#tokensPerSecond += NEWEST * (current - this.#tokensPerSecond)
  }

  /** Whole seconds, from 1 to 60, that so many tokens take. */
  secondsFor(tokens: number): number {
    return Math.min(MAX_SECONDS, Math.max(1, Math.ceil(tokens / this.#tokensPerSecond)))
  }
}
