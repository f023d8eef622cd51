import { createHash } from 'node:crypto'
import type { Batch, RowMeasure, ScoringSequence } from '../engine/engine.ts'
import { isSliceOver, nextSlice } from '../event-loop.ts'

/**
 * One sequence to score. The scheduler may put it into a batch with others, or answer it with the scores of an equal
 * job.
 */
export interface ScoringJob {
  readonly sequence: ScoringSequence
  /**
   * How many of the most probable tokens to return per row; null when neither rank, entropy nor top tokens are needed.
   */
  readonly topCount: number | null
  /** As `Batch.measures`. */
  readonly measures?: readonly RowMeasure[]
}

/** A batch that runs exactly as given, with no other sequence in it, for verification passes. */
export interface ExactBatch {
  readonly exactly: Batch
}

/** `batch` work waits while `interactive` work does, except for a small share of the tokens. */
export type Priority = 'interactive' | 'batch'

/**
 * Who waits for the work, and for how long. A separate object, because `AbortSignal.any` drops properties that are set
 * on a signal.
 */
export interface WorkTerms {
  /** Aborts when the caller no longer waits; the work then rejects with its reason. */
  readonly signal: AbortSignal
  /** When the caller stops waiting, in milliseconds of `performance.now()`; absent means never. */
  readonly deadlineAtMs?: number
  /** Requests of one client share one turn. Requests without a client count as one client. */
  readonly client?: string
  /** Default: `interactive`. */
  readonly priority?: Priority
  /** Called with the tokens of each submission that was admitted: those that the engine has to compute. */
  readonly onAdmitted?: (tokens: number) => void
  /**
   * How many times the tokens of this submission the whole request has, whose other work follows before the same
   * deadline. Default: 1. Admission makes sure that all of it can finish.
   */
  readonly wholeFactor?: number
  /** The signal that admission knows the request by, where `signal` is another one. */
  readonly requestSignal?: AbortSignal
}

/** The same terms for work that `other` can abort as well. */
export function alsoAbortedBy(terms: WorkTerms, other: AbortSignal): WorkTerms {
  return { ...terms, signal: AbortSignal.any([terms.signal, other]), requestSignal: terms.requestSignal ?? terms.signal }
}

const KEYS = new WeakMap<ScoringJob, string>()

/** Computes the keys of many jobs in slices, so that submitting them does not block the event loop. */
export async function computeKeys(work: readonly (ScoringJob | ExactBatch)[]): Promise<void> {
  for (const each of work) {
    if (isSliceOver()) await nextSlice()
    if (!('exactly' in each)) KEYS.set(each, newKey(each))
  }
}

/** Jobs with equal keys have equal scores: SHA-256 of ids and options, in base64. */
export function keyOfJob(job: ScoringJob): string {
  return KEYS.get(job) ?? newKey(job)
}

function newKey({ sequence: { ids, firstScored, targets, lastTokenCandidates }, topCount, measures = [] }: ScoringJob): string {
  const hash = createHash('sha256')
  // The lengths come first, so that the end of one list cannot pass for the start of the next; -1 means absent.
  hash.update(Int32Array.of(firstScored, topCount ?? -1, ids.length, targets?.length ?? -1, lastTokenCandidates?.length ?? -1))
  hash.update(measures.toSorted().join())
  for (const list of [ids, targets, lastTokenCandidates]) if (list !== undefined) hash.update(list)
  return hash.digest('base64')
}

export function batchOf(work: ScoringJob | ExactBatch): Batch {
  if ('exactly' in work) return work.exactly
  const { sequence, topCount, measures } = work
  return { sequences: [sequence], topCount, ...(measures === undefined ? {} : { measures }) }
}

/** Tokens of a sequence that go through the model: the last one is scored but never fed. */
export function fedTokens({ ids }: ScoringSequence): number {
  return ids.length - 1
}

/** As `PlannedJob.reusableTokens`; undefined for all. */
export function reusableTokens({ sequences: [sequence], topCount }: Batch): number | undefined {
  if (sequence === undefined || (topCount === null && sequence.targets === undefined)) return undefined
  return Math.max(0, sequence.firstScored - 1)
}

/** Tokens that the model computes for a batch with one padded row per sequence. */
export function paddedTokens({ sequences }: Batch): number {
  return sequences.length * Math.max(0, ...sequences.map(fedTokens))
}
