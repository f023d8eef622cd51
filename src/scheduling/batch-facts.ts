import type { Batch, BatchScores, ScoringSequence, SequenceWork } from '../engine/engine.ts'
import { fedTokens, paddedTokens } from './work.ts'

/** What one pass did, as it is measured. */
export interface BatchFacts {
  readonly sequences: number
  /** Tokens that went through the model, without padding. */
  readonly tokens: number
  readonly paddedTokens: number
  /** Tokens that the engine had from earlier passes. */
  readonly cachedTokens: number
  readonly runMs: number
}

export function batchFacts(batch: Batch, { rows, runMs }: BatchScores): BatchFacts {
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

export function allComputed(sequence: ScoringSequence): SequenceWork {
  return { computedTokens: fedTokens(sequence), cachedTokens: 0 }
}

/** Of numbers that were computed for somebody else. */
export function allReused(sequence: ScoringSequence): SequenceWork {
  return { computedTokens: 0, cachedTokens: fedTokens(sequence) }
}
