import type { ErrorCode, ServiceError } from '../errors.ts'
import type { Usage } from '../evaluation/usage.ts'

/** What a request came to. */
export interface Summary {
  readonly items: number
  readonly ok: number
  /** Items that have no scores, by the code of their error. */
  readonly failed: Readonly<Partial<Record<ErrorCode, number>>>
  readonly usage: Usage
  /** Time since the request was begun, in milliseconds. */
  readonly elapsed_ms: number
}

const NO_USAGE: Usage = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0, computed_tokens: 0, cached_tokens: 0 }

/** Counts the results of a request. */
export class StreamTotals {
  readonly #startedAtMs = performance.now()
  readonly #failed = new Map<ErrorCode, number>()
  #ok = 0
  #usage: Promise<Usage> = Promise.resolve(NO_USAGE)

  add(error: ServiceError | null): void {
    if (error === null) this.#ok++
    else this.#failed.set(error.code, (this.#failed.get(error.code) ?? 0) + 1)
  }

  addUsage(usage: Promise<Usage>): void {
    this.#usage = Promise.all([this.#usage, usage]).then(([sum, more]) => ({
      prompt_tokens: sum.prompt_tokens + more.prompt_tokens,
      completion_tokens: sum.completion_tokens + more.completion_tokens,
      total_tokens: sum.total_tokens + more.total_tokens,
      computed_tokens: sum.computed_tokens + more.computed_tokens,
      cached_tokens: sum.cached_tokens + more.cached_tokens
    }))
  }

  /** Resolves when all work has ended. */
  async summary(): Promise<Summary> {
    const failures = [...this.#failed.values()].reduce((sum, count) => sum + count, 0)
    const usage = await this.#usage
    const elapsedMs = Math.round(performance.now() - this.#startedAtMs)
    return { items: this.#ok + failures, ok: this.#ok, failed: Object.fromEntries(this.#failed), usage, elapsed_ms: elapsedMs }
  }
}
