import type { EncodedItem } from '../encoding/encoded-item.ts'
import type { BatchScores, RowScores, ScoringSequence, SequenceWork } from '../engine/engine.ts'
import { ServiceError } from '../errors.ts'
import type { ExactBatch, ScoringJob } from '../scheduling/job.ts'

export interface Usage extends WorkUsage {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly total_tokens: number
}

/**
 * What a request cost. Tokens that were computed for another request of the same batch, whose sequence begins alike,
 * count for neither.
 */
export interface WorkUsage {
  /** Tokens that went through the model for this request. */
  readonly computed_tokens: number
  /** Tokens whose computation was reused: a beginning that was kept, or the same sequence of an earlier or concurrent request. */
  readonly cached_tokens: number
}

/** Tokens of the items that could be encoded, beside what all passes cost. */
export function usageOf(items: readonly (EncodedItem | ServiceError)[], work: WorkUsage): Usage {
  const sizes = items.flatMap((item) => (item instanceof ServiceError ? [] : [item.sizes]))
  const promptTokens = sizes.reduce((sum, { prefix, x }) => sum + prefix + x, 0)
  const completionTokens = sizes.reduce((sum, { y, eos }) => sum + y + eos, 0)
  return { prompt_tokens: promptTokens, completion_tokens: completionTokens, total_tokens: promptTokens + completionTokens, ...work }
}

/** What jobs and exact batches cost, once their scores are there; one that failed counts nothing. `scores` has one entry each, in order. */
export async function workUsage(work: readonly (ScoringJob | ExactBatch)[], scores: readonly Promise<BatchScores>[]): Promise<WorkUsage> {
  const ended = await Promise.allSettled(scores)
  return workUsageOf(
    work.flatMap((each, i) => {
      const own = ended[i]
      if (own?.status !== 'fulfilled') return []
      const sequences = 'exactly' in each ? each.exactly.sequences : [each.sequence]
      return sequences.map((sequence, row) => workOfSequence(sequence, own.value.rows[row]))
    })
  )
}

export function workUsageOf(work: readonly SequenceWork[]): WorkUsage {
  return {
    computed_tokens: work.reduce((sum, { computedTokens }) => sum + computedTokens, 0),
    cached_tokens: work.reduce((sum, { cachedTokens }) => sum + cachedTokens, 0)
  }
}

/** Rows that do not say were computed for their sequence alone; its last token is scored but never fed. */
export function workOfSequence({ ids }: ScoringSequence, rows: RowScores | undefined): SequenceWork {
  return rows?.work ?? { computedTokens: ids.length - 1, cachedTokens: 0 }
}
