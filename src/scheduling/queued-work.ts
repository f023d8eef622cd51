import type { Batch, BatchScores, RowScores } from '../engine/engine.ts'
import type { ServiceError } from '../errors.ts'
import type { BatchPlan, PlannedJob } from './batch-planner.ts'
import type { TimedWork } from './deadline-plan.ts'
import { fedTokens, type Priority, type WorkTerms } from './job.ts'
import type { SchedulerObserver } from './scheduler-observer.ts'

/** A job or an exact batch that was just submitted. */
export interface Submitted {
  readonly batch: Batch
  readonly key: string | null
  /** Scores of an equal job from the result cache. */
  readonly cachedRows: RowScores | null
}

/** A sequence or an exact batch in the queue, with the request that waits for its scores. */
export interface QueuedWork extends PlannedJob {
  readonly request: QueuedRequest
  readonly batch: Batch
  /** Work with equal keys is computed once; null for an exact batch. */
  readonly key: string | null
  readonly enqueuedAtMs: number
  readonly resolve: (scores: BatchScores) => void
  readonly reject: (error: ServiceError) => void
}

/** The work that a request submitted together. */
export class QueuedRequest implements TimedWork {
  readonly submittedAtMs: number
  readonly deadlineAtMs: number
  readonly client: string
  readonly priority: Priority
  /** Its work that still waits, in order. */
  readonly waiting: QueuedWork[] = []
  /** Tokens of `waiting`. */
  tokens = 0
  isAborted = false

  constructor(submittedAtMs: number, { deadlineAtMs = Number.POSITIVE_INFINITY, client = '', priority = 'interactive' }: Omit<WorkTerms, 'signal'> = {}) {
    this.submittedAtMs = submittedAtMs
    this.deadlineAtMs = deadlineAtMs
    this.client = client
    this.priority = priority
  }
}

export function tokensOf(entries: readonly PlannedJob[]): number {
  return entries.reduce((sum, { tokenCount }) => sum + tokenCount, 0)
}

/** The batch that the engine runs for the planned entries. An exact batch is planned alone, so it keeps its probe. */
export function mergedBatch(planned: readonly QueuedWork[], layout: BatchPlan['layout']): Batch {
  const [only] = planned
  if (planned.length === 1 && only !== undefined) return layout === 'plain' ? only.batch : { ...only.batch, layout }
  const topCounts = planned.flatMap(({ batch }) => batch.topCount ?? [])
  const measures = new Set(planned.flatMap(({ batch }) => batch.measures ?? []))
  const merged = {
    sequences: planned.flatMap(({ batch: { sequences } }) => sequences),
    topCount: topCounts.length === 0 ? null : Math.max(...topCounts),
    ...(measures.size === 0 ? {} : { measures: [...measures] })
  }
  return layout === 'plain' ? merged : { ...merged, layout }
}

/**
 * Resolves each group of equal entries with its own rows of the batch, which lie in the order of the groups. Calls
 * `store` with the rows of each group that has a key.
 */
export function resolveGroups(
  groups: readonly QueuedWork[][],
  scores: BatchScores,
  observer: SchedulerObserver,
  store: (key: string, rows: RowScores, topCount: number | null) => void
): void {
  let start = 0
  for (const [first, ...equals] of groups) {
    if (first === undefined) continue
    const end = start + first.batch.sequences.length
    const own = { ...scores, rows: scores.rows.slice(start, end) }
    start = end
    first.resolve(own)
    for (const { batch, request, resolve } of equals) if (!request.isAborted) resolve(reusedScores('in_flight', batch, own, observer))
    const [rows] = own.rows
    if (first.key !== null && rows !== undefined) store(first.key, rows, first.batch.topCount)
  }
}

/** Scores computed for another request with the same sequence: all fed tokens count as cached. */
export function reusedScores(source: 'result' | 'in_flight', { sequences }: Batch, scores: BatchScores, observer: SchedulerObserver): BatchScores {
  const [sequence] = sequences
  if (sequence === undefined) return scores
  const cachedTokens = fedTokens(sequence)
  observer.reused?.(source, cachedTokens)
  return { ...scores, rows: scores.rows.map((rows) => ({ ...rows, work: { computedTokens: 0, cachedTokens } })) }
}
