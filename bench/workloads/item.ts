/** One continuation to be scored after its context; both are token ids, and neither is empty. */
export interface Item {
  readonly context: readonly number[]
  readonly continuation: readonly number[]
}

/** One of the rounds that contestants take turns in. */
export interface Slice {
  /** The whole work of a round. */
  readonly items: readonly Item[]
  /** What slow contestants do of it; their time is then scaled by tokens. */
  readonly part: readonly Item[]
}

/** What is run through the model for an item: all tokens but the last. */
export function fedIds({ context, continuation }: Item): Int32Array {
  return Int32Array.from([...context, ...continuation.slice(0, -1)])
}

/** Fed tokens of all items, shared ones as often as they come. */
export function fedTokens(items: readonly Item[]): number {
  return items.reduce((sum, { context, continuation }) => sum + context.length + continuation.length - 1, 0)
}
