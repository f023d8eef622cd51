import type { BatchFacts } from './batch-facts.ts'
import type { BatchLimits } from './planned-job.ts'

export interface SchedulerLimits extends BatchLimits {
  /** Tokens that may wait, for the memory that they take. A request that finds the queue empty is taken whatever its size. */
  readonly maxQueueTokens: number
  /** Batches that the engine runs at once; 1 when absent. */
  readonly slots?: number
  /** Memory for the numbers of sequences scored before; none are kept when absent or 0. */
  readonly resultCacheBytes?: number
}

/** What the scheduler tells whoever measures it. */
export interface SchedulerObserver {
  batchDone?(batch: BatchFacts & { readonly queueMs: number }): void
  jobsDropped?(reason: string, count: number): void
  /** A sequence was answered with numbers computed for another request: before it, or for both at once. */
  reused?(source: 'result' | 'in_flight', tokens: number): void
}
