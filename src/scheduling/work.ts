import type { Batch, ScoringSequence } from '../engine/engine.ts'

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
export const PRIORITIES = ['interactive', 'batch'] as const
export type Priority = (typeof PRIORITIES)[number]

/** Whom work is for, and how long it is wanted. */
export interface WorkTerms {
  /** When nobody waits for it any more, in milliseconds of `performance.now()`; never when absent. */
  readonly deadlineAtMs?: number
  /** Requests of one client share its turns; those that name none are one client. */
  readonly client?: string
  /** `interactive` when absent. */
  readonly priority?: Priority
}

/** Aborts when nobody waits for the work any more, and carries its terms. */
export interface WorkSignal extends AbortSignal, WorkTerms {}

/** The signal of a request that `other` can abort as well; it keeps its terms, which `AbortSignal.any` alone would lose. */
export function alsoAbortedBy(signal: WorkSignal, other: AbortSignal): WorkSignal {
  const { deadlineAtMs, client, priority } = signal
  const terms = { deadlineAtMs, client, priority }
  return Object.assign(AbortSignal.any([signal, other]), Object.fromEntries(Object.entries(terms).filter(([, value]) => value !== undefined)))
}

export function batchOf(work: ScoringJob | ExactBatch): Batch {
  return 'exactly' in work ? work.exactly : { sequences: [work.sequence], topCount: work.topCount }
}

/** The last token of a sequence is scored but never fed. */
export function fedTokens({ ids }: ScoringSequence): number {
  return ids.length - 1
}

/** What the model computes for a batch of a row a sequence. */
export function paddedTokens({ sequences }: Batch): number {
  return sequences.length * Math.max(0, ...sequences.map(fedTokens))
}
