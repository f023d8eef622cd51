import type { EncodedItem } from '../logprob/encoded-item.ts'
import type { Usage } from '../logprob/usage.ts'

/**
 * Tokens of all documents as they were sent, a repeated one each time, beside those that went through the model.
 * `computed` counts the passes that were run, baselines included; those of documents that needed none of their own, or
 * shared one, are cached.
 */
export function rerankUsage(
  { encoded, itemOf, baselines }: { readonly encoded: readonly EncodedItem[]; readonly itemOf: readonly number[]; readonly baselines: readonly EncodedItem[] },
  computed: Usage
): Usage {
  const sent = itemOf.flatMap((item) => encoded[item] ?? [])
  const promptTokens = sent.reduce((sum, { sizes: { prefix, x } }) => sum + prefix + x, 0)
  const completionTokens = sent.reduce((sum, { sizes: { y } }) => sum + y, 0)
  // The last token of a sequence is scored but never fed.
  const fed = [...sent, ...baselines].reduce((sum, { ids }) => sum + ids.length - 1, 0)
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    computed_tokens: computed.computed_tokens,
    cached_tokens: fed - computed.computed_tokens
  }
}
