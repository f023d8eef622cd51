import { elementAt } from '../element-at.ts'
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
 * The computing that a request cost. A common prefix that a batch computed for another request counts as neither
 * computed nor cached.
 */
export interface WorkUsage {
  /** Tokens that went through the model for this request. */
  readonly computed_tokens: number
  /** Tokens whose computation was reused: a prefix from the prefix cache, or an equal sequence of another request. */
  readonly cached_tokens: number
}

/** The usage of a request: tokens of the items that could be encoded, and `work`. */
export function usageOf(items: readonly (EncodedItem | ServiceError)[], work: WorkUsage): Usage {
  const sizes = items.flatMap((item) => (item instanceof ServiceError ? [] : [item.sizes]))
  const promptTokens = sizes.reduce((sum, { prefix, x }) => sum + prefix + x, 0)
  const completionTokens = sizes.reduce((sum, { y, eos }) => sum + y + eos, 0)
  return { prompt_tokens: promptTokens, completion_tokens: completionTokens, total_tokens: promptTokens + completionTokens, ...work }
}

/**
 * The cost of jobs and exact batches, when all have settled; failed ones count nothing. `scores` has one entry for
 * each, in order.
 */
export async function workUsage(work: readonly (ScoringJob | ExactBatch)[], scores: readonly Promise<BatchScores>[]): Promise<WorkUsage> {
  const settled = await Promise.allSettled(scores)
  return workUsageOf(
    work.flatMap((each, i) => {
      const own = elementAt(settled, i)
      if (own.status !== 'fulfilled') return []
      const sequences = 'exactly' in each ? each.exactly.sequences : [each.sequence]
      return sequences.map((sequence, row) => workOfSequence(sequence, own.value.rows[row]))
    })
  )
}

/** The usage of several parts of a request together. */
export function usageSum(usages: readonly Usage[]): Usage {
  const total = (field: keyof Usage): number => usages.reduce((sum, usage) => sum + usage[field], 0)
  return {
    prompt_tokens: total('prompt_tokens'),
    completion_tokens: total('completion_tokens'),
    total_tokens: total('total_tokens'),
    computed_tokens: total('computed_tokens'),
    cached_tokens: total('cached_tokens')
  }
}

export function workUsageOf(work: readonly SequenceWork[]): WorkUsage {
  return {
    computed_tokens: work.reduce((sum, { computedTokens }) => sum + computedTokens, 0),
    cached_tokens: work.reduce((sum, { cachedTokens }) => sum + cachedTokens, 0)
  }
}

/**
 * Without `work`, the engine computed every fed token for this sequence alone; the last token is scored but never fed.
 */
export function workOfSequence({ ids }: ScoringSequence, rows: RowScores | undefined): SequenceWork {
  return rows?.work ?? { computedTokens: ids.length - 1, cachedTokens: 0 }
}
