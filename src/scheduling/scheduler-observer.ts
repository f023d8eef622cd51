import type { Batch, BatchScores } from '../engine/engine.ts'
import { fedTokens, paddedTokens } from './job.ts'

/** Callbacks through which the scheduler reports to the metrics. */
export interface SchedulerObserver {
  batchDone?(batch: BatchInfo & { readonly queueMs: number }): void
  /** A request was admitted; called while its caller submits it. */
  queued?(request: object): void
  /** A request stopped waiting without having been scored entirely. */
  abandoned?(request: object): void
  /** A batch starts with work of these requests. The result is called when it ends, with null if it failed. */
  batchStarted?(requests: ReadonlySet<object>): (batch: BatchInfo | null) => void
  jobsDropped?(reason: string, count: number): void
  /**
   * A sequence was answered with the scores of another request: an earlier one (`result`), or one in the same batch or
   * a running one.
   */
  reused?(source: 'result' | 'in_flight', tokens: number): void
}

/** Size and duration of one pass. */
interface BatchInfo {
  readonly sequences: number
  /** Tokens that went through the model, without padding. */
  readonly tokens: number
  readonly paddedTokens: number
  /** Tokens that the engine reused from earlier passes. */
  readonly cachedTokens: number
  readonly runMs: number
}

export function batchInfoOf(batch: Batch, { rows, runMs }: BatchScores): BatchInfo {
  // The engine reports no work where it computed every fed token for this sequence alone.
  const work = batch.sequences.map((sequence, i) => rows[i]?.work ?? { computedTokens: fedTokens(sequence), cachedTokens: 0 })
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
