/** A batch of B sequences that feed S tokens each, padding included. */
export interface BatchShape {
  readonly sequences: number
  readonly tokens: number
}

export interface ShapeLimits {
  /** Most tokens of a sequence. The last one is scored and never fed. */
  readonly maxModelLen: number
  readonly maxBatchTokens: number
  readonly longTextTokens: number
}

/**
 * The largest batches that the scheduler makes within its tokens (src/scheduling/plan-batch.ts): many short texts, as many
 * as fit of the longest ones that are still joined, and one text of all tokens. Attention grows with S², so these are the corners.
 */
export function budgetShapes({ maxModelLen, maxBatchTokens, longTextTokens }: ShapeLimits): readonly BatchShape[] {
  const longest = Math.max(1, maxModelLen - 1)
  const joined = Math.min(longTextTokens, longest, maxBatchTokens)
  return [
    { sequences: Math.max(1, Math.floor(maxBatchTokens / joined)), tokens: joined },
    { sequences: 1, tokens: Math.min(longest, maxBatchTokens) }
  ]
}

/**
 * The largest that any request makes: a text as long as the model takes runs whatever the budget, and a deep verification
 * puts it beside another of the same length.
 */
export function longestShape({ maxModelLen }: Pick<ShapeLimits, 'maxModelLen'>): BatchShape {
  return { sequences: 2, tokens: Math.max(1, maxModelLen - 1) }
}
