import type { BatchLimits } from './batch-planner.ts'
import type { WorkTerms } from './job.ts'

/** A client counts as active for this long after its work arrived or ran, and finds small batches when it returns. */
const ACTIVE_MS = 10_000

/**
 * Who used the engine lately. Work of one client with two priorities counts as two, because its interactive work must
 * not wait for a large batch of its own either.
 */
export class ActiveClients {
  /** In the order of last use. */
  readonly #lastUseMs = new Map<string, number>()

  /** Work without a client is that of the service itself: canaries and verifications, which wait for others anyway. */
  used({ client = '', priority = 'interactive' }: Pick<WorkTerms, 'client' | 'priority'>, nowMs: number): void {
    if (client === '') return
    const name = `${priority} ${client}`
    this.#lastUseMs.delete(name)
    this.#lastUseMs.set(name, nowMs)
  }

  /** Whether more than one client is active. */
  areSeveral(nowMs: number): boolean {
    for (const [name, lastUseMs] of this.#lastUseMs) {
      if (nowMs - lastUseMs <= ACTIVE_MS) break
      this.#lastUseMs.delete(name)
    }
    return this.#lastUseMs.size > 1
  }

  /**
   * `limits`, with batches that just fill the machine while several clients are active. Larger ones are hardly cheaper
   * per token, but everyone who arrives while one runs waits for all of it.
   */
  batchLimits<L extends BatchLimits>(limits: L, nowMs: number): L {
    if (!this.areSeveral(nowMs)) return limits
    return { ...limits, maxBatchTokens: Math.min(limits.maxBatchTokens, limits.longTextTokens) }
  }
}
