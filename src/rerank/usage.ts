import type { EncodedItem } from '../logprob/encoded-item.ts'
import type { Usage } from '../logprob/usage.ts'

/**
 * Tokens of all documents as they were sent, a repeated one each time, beside those that went through the model.
 * `computed` counts the work that was done, baselines included; what a repetition saved is cached.
 */
export function rerankUsage(encoded: readonly EncodedItem[], itemOf: readonly number[], computed: Usage): Usage {
  const sent = itemOf.flatMap((item) => encoded[item]?.sizes ?? [])
  const promptTokens = sent.reduce((sum, { prefix, x }) => sum + prefix + x, 0)
  const completionTokens = sent.reduce((sum, { y }) => sum + y, 0)
  // The last token of a sequence is scored but never fed.
  const fed = (items: readonly (EncodedItem | undefined)[]): number => items.reduce((sum, item) => sum + (item === undefined ? 0 : item.ids.length - 1), 0)
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    computed_tokens: computed.computed_tokens,
    cached_tokens: computed.cached_tokens + fed(itemOf.map((item) => encoded[item])) - fed(encoded)
  }
}
