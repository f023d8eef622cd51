import type { ScoringJob } from '../scheduling/scheduler.ts'
import type { EncodedPrompt } from './encode-prompts.ts'
import type { CompletionsOptions } from './request.ts'

/**
 * What has to be computed for a prompt of P ids; null when nothing is. Its rows are those of positions `firstScored` to
 * P - 1 and, with max_tokens 1, of position P. That one needs the last id to be fed, so another one stands after it,
 * whose own score nobody reads: the row's most probable token is what is generated.
 */
export function jobOfPrompt({ ids }: EncodedPrompt, options: CompletionsOptions): ScoringJob | null {
  const { maxTokens } = options
  const topCount = topCountOf(options)
  const lastId = ids.at(-1) ?? 0
  if (maxTokens === 1) return { sequence: { ids: withLast(ids, lastId), firstScored: scoresPrompt(options) ? 1 : ids.length }, topCount }
  return scoresPrompt(options) && ids.length > 1 ? { sequence: { ids, firstScored: 1 }, topCount } : null
}

/** Copied at once: spreading the ids of a body of 5 MB stops the event loop for 200 ms. */
function withLast(ids: Int32Array, lastId: number): Int32Array {
  const longer = new Int32Array(ids.length + 1)
  longer.set(ids)
  longer[ids.length] = lastId
  return longer
}

/** Whether the prompt's own tokens are shown with their log-probabilities. */
export function scoresPrompt({ echo, logprobs, promptLogprobs }: CompletionsOptions): boolean {
  return (echo && logprobs !== null) || promptLogprobs !== null
}

/**
 * Ranks come with the alternatives, so a list of the prompt's tokens needs them even where it shows none. The most
 * probable token alone is part of every row: harnesses ask for that, and need neither ranks nor a search for more.
 */
function topCountOf({ logprobs, promptLogprobs }: CompletionsOptions): number | null {
  if (promptLogprobs !== null) return Math.max(promptLogprobs, logprobs ?? 0)
  return logprobs === null || logprobs <= 1 ? null : logprobs
}
