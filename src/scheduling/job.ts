import { createHash } from 'node:crypto'
import type { Batch, BatchScores, RowScores, ScoringSequence, SequenceWork } from '../engine/engine.ts'
import type { ServiceError } from '../errors.ts'
import type { BatchLimits, PlannedJob } from './batch-planner.ts'
import type { TimedWork } from './deadline-plan.ts'

export interface ScoringJob {
  readonly sequence: ScoringSequence
  /** Most probable tokens wanted a row; null when neither rank, entropy nor top tokens are. */
  readonly topCount: number | null
}

/** A batch that runs exactly as it is, with nothing beside it: how a verification wants to be run. */
export interface ExactBatch {
  readonly exactly: Batch
}

/** `batch` work waits while `interactive` work does, but for a small share. */
const PRIORITIES = ['interactive', 'batch'] as const
export type Priority = (typeof PRIORITIES)[number]

/** Whom work is for, and how long it is wanted. A value of its own: `AbortSignal.any` loses what is written onto a signal. */
export interface WorkTerms {
  /** Aborts when nobody waits for the work any more; its reason is what the work rejects with. */
  readonly signal: AbortSignal
  /** When nobody waits for it any more, in milliseconds of `performance.now()`; never when absent. */
  readonly deadlineAtMs?: number
  /** Requests of one client share its turns; those that name none are one client. */
  readonly client?: string
  /** `interactive` when absent. */
  readonly priority?: Priority
}

/** The same terms for work that `other` can abort as well. */
export function alsoAbortedBy(terms: WorkTerms, other: AbortSignal): WorkTerms {
  return { ...terms, signal: AbortSignal.any([terms.signal, other]) }
}

export function batchOf(work: ScoringJob | ExactBatch): Batch {
  return 'exactly' in work ? work.exactly : { sequences: [work.sequence], topCount: work.topCount }
}

/** The last token of a sequence is scored but never fed. */
function fedTokens({ ids }: ScoringSequence): number {
  return ids.length - 1
}

/** What the model computes for a batch of a row a sequence. */
export function paddedTokens({ sequences }: Batch): number {
  return sequences.length * Math.max(0, ...sequences.map(fedTokens))
}

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

/** Equal for jobs whose numbers are the same: SHA-256 of ids and options, in base64. */
export function keyOfJob({ sequence: { ids, firstScored, targets, lastTokenCandidates }, topCount }: ScoringJob): string {
  const hash = createHash('sha256')
  // Lengths first, so that no list can be taken for the end of another; -1 is absent.
  hash.update(Int32Array.of(firstScored, topCount ?? -1, ids.length, targets?.length ?? -1, lastTokenCandidates?.length ?? -1))
  for (const list of [ids, targets, lastTokenCandidates]) if (list !== undefined) hash.update(list)
  return hash.digest('base64')
}

/**
 * Gives each part of a batch its own rows, in order, and those who want the same numbers the same. `keep` is called with
 * the rows of each part that has a key.
 */
export function answerParts(
  parts: readonly QueuedWork[][],
  scores: BatchScores,
  observer: SchedulerObserver,
  keep: (key: string, rows: RowScores, topCount: number | null) => void
): void {
  let start = 0
  for (const [first, ...others] of parts) {
    if (first === undefined) continue
    const end = start + first.batch.sequences.length
    const own = { ...scores, rows: scores.rows.slice(start, end) }
    start = end
    first.resolve(own)
    for (const { batch, request, resolve } of others) if (!request.isGone) resolve(reusedScores('in_flight', batch, own, observer))
    const [rows] = own.rows
    if (first.key !== null && rows !== undefined) keep(first.key, rows, first.batch.topCount)
  }
}

/** The scores of one sequence for another request than that which they were computed for. */
export function reusedScores(source: 'result' | 'in_flight', { sequences }: Batch, scores: BatchScores, observer: SchedulerObserver): BatchScores {
  const [sequence] = sequences
  if (sequence === undefined) return scores
  observer.reused?.(source, fedTokens(sequence))
  return { ...scores, rows: scores.rows.map((rows) => ({ ...rows, work: allReused(sequence) })) }
}

/** What one pass did, as it is measured. */
interface BatchInfo {
  readonly sequences: number
  /** Tokens that went through the model, without padding. */
  readonly tokens: number
  readonly paddedTokens: number
  /** Tokens that the engine had from earlier passes. */
  readonly cachedTokens: number
  readonly runMs: number
}

export function batchInfoOf(batch: Batch, { rows, runMs }: BatchScores): BatchInfo {
  const work = batch.sequences.map((sequence, i) => rows[i]?.work ?? allComputed(sequence))
  const tokens = work.reduce((sum, { computedTokens }) => sum + computedTokens, 0)
  return {
    sequences: batch.sequences.length,
    tokens,
    // A shared batch has no padding.
    paddedTokens: batch.layout === 'shared' ? tokens : paddedTokens(batch),
    cachedTokens: work.reduce((sum, { cachedTokens }) => sum + cachedTokens, 0),
    runMs
  }
}

function allComputed(sequence: ScoringSequence): SequenceWork {
  return { computedTokens: fedTokens(sequence), cachedTokens: 0 }
}

/** Of numbers that were computed for somebody else. */
function allReused(sequence: ScoringSequence): SequenceWork {
  return { computedTokens: 0, cachedTokens: fedTokens(sequence) }
}

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
  batchDone?(batch: BatchInfo & { readonly queueMs: number }): void
  jobsDropped?(reason: string, count: number): void
  /** A sequence was answered with numbers computed for another request: before it, or for both at once. */
  reused?(source: 'result' | 'in_flight', tokens: number): void
}
