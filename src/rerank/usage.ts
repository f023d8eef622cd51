import type { EncodedItem } from '../logprob/encoded-item.ts'
import type { Usage } from '../logprob/usage.ts'

/**
 * Tokens of all documents as they were sent, a repeated one each time, beside those that went through the model:
 * `computed` counts the passes that were run, baselines included.
 */
export function rerankUsage(encoded: readonly EncodedItem[], itemOf: readonly number[], { computed_tokens, cached_tokens }: Usage): Usage {
  const sizes = itemOf.flatMap((item) => encoded[item]?.sizes ?? [])
  const promptTokens = sizes.reduce((sum, { prefix, x }) => sum + prefix + x, 0)
  const completionTokens = sizes.reduce((sum, { y }) => sum + y, 0)
  return { prompt_tokens: promptTokens, completion_tokens: completionTokens, total_tokens: promptTokens + completionTokens, computed_tokens, cached_tokens }
}
