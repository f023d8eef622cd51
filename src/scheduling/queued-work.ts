import type { Batch, BatchScores } from '../engine/engine.ts'
import type { ServiceError } from '../errors.ts'
import type { TimedWork } from './deadline-plan.ts'
import type { PlannedJob } from './planned-job.ts'
import type { Priority, WorkTerms } from './work.ts'

/** A sequence or an exact batch, with the request that waits for its scores. */
export interface QueuedWork extends PlannedJob {
  readonly request: QueuedRequest
  readonly batch: Batch
  /** Equal for sequences that one computation answers; null of an exact batch. */
  readonly key: string | null
  readonly enqueuedAtMs: number
  readonly resolve: (scores: BatchScores) => void
  readonly reject: (error: ServiceError) => void
}

/** What a request has submitted together. */
export class QueuedRequest implements TimedWork {
  readonly submittedAtMs: number
  readonly deadlineAtMs: number
  readonly client: string
  readonly priority: Priority
  /** What waits of it, in order. */
  readonly waiting: QueuedWork[] = []
  /** Tokens of `waiting`. */
  tokens = 0
  isGone = false

  constructor(submittedAtMs: number, { deadlineAtMs = Number.POSITIVE_INFINITY, client = '', priority = 'interactive' }: WorkTerms = {}) {
    this.submittedAtMs = submittedAtMs
    this.deadlineAtMs = deadlineAtMs
    this.client = client
    this.priority = priority
  }
}

export function tokensOf(entries: readonly PlannedJob[]): number {
  return entries.reduce((sum, { tokenCount }) => sum + tokenCount, 0)
}
