/** A continuation to score after its context. Both are non-empty lists of token ids. */
export interface Item {
  readonly context: readonly number[]
  readonly continuation: readonly number[]
}

/** The work of one round of a tournament. */
export interface Slice {
  /** All items of the round. */
  readonly items: readonly Item[]
  /** The items that slow contestants score; their time is scaled by tokens. */
  readonly part: readonly Item[]
}

/** The ids fed to the model for an item: all tokens but the last. */
export function fedIds({ context, continuation }: Item): Int32Array {
  return Int32Array.from([...context, ...continuation.slice(0, -1)])
}

/** Number of fed tokens of all items; shared tokens count each time. */
export function fedTokens(items: readonly Item[]): number {
  return items.reduce((sum, { context, continuation }) => sum + context.length + continuation.length - 1, 0)
}
