import type { PreTrainedTokenizer } from '@huggingface/transformers'

/** Ids that a tokenizer's post-processor puts around a text. */
export interface AddedTokens {
  readonly before: readonly number[]
  readonly after: readonly number[]
}

/** Any text would do: a post-processor knows only where it begins and ends. */
const TEXT = 'a'

/** What the post-processor of a tokenizer adds to a text, found by looking; nothing where it does something else than add. */
export function addedTokensOf(tokenizer: PreTrainedTokenizer): AddedTokens {
  const own = tokenizer.encode(TEXT, { add_special_tokens: false })
  const all = tokenizer.encode(TEXT, { add_special_tokens: true })
  const isOwnAt = (at: number): boolean => own.every((id, i) => all[at + i] === id)
  const start = all.findIndex((_, at) => at + own.length <= all.length && isOwnAt(at))
  if (own.length === 0 || start < 0) return { before: [], after: [] }
  return { before: all.slice(0, start), after: all.slice(start + own.length) }
}
