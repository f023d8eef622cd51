import { ServiceError } from '../errors.ts'
import type { ExactBatch, ScoringJob } from '../scheduling/scheduler.ts'
import type { EncodedItem } from './encoded-item.ts'

export interface Usage {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly total_tokens: number
  /** Tokens that went through the model. */
  readonly computed_tokens: number
  /** Tokens whose computation was reused. */
  readonly cached_tokens: number
}

/** Tokens of the items that could be encoded, and those of all passes. */
export function usageOf(items: readonly (EncodedItem | ServiceError)[], work: readonly (ScoringJob | ExactBatch)[]): Usage {
  const sizes = items.flatMap((item) => (item instanceof ServiceError ? [] : [item.sizes]))
  const promptTokens = sizes.reduce((sum, { prefix, x }) => sum + prefix + x, 0)
  const completionTokens = sizes.reduce((sum, { y, eos }) => sum + y + eos, 0)
  const sequences = work.flatMap((each) => ('exactly' in each ? each.exactly.sequences : [each.sequence]))
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    // The last token of a sequence is scored but never fed.
    computed_tokens: sequences.reduce((sum, { ids }) => sum + ids.length - 1, 0),
    cached_tokens: 0
  }
}
