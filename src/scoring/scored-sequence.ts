/** Pure data: a sequence [prefix token] ++ X ++ Y ++ [EOS] with the log-probabilities of its tokens. */

/** Which part of the sequence a token belongs to. */
export type Part = 'prefix' | 'x' | 'y' | 'eos'

/** How many tokens each part has, in order; `prefix` and `eos` are 0 or 1. */
export type PartSizes = Readonly<Record<Part, number>>

export interface ScoredSequence {
  readonly ids: Int32Array
  readonly sizes: PartSizes
  /** Log-probability of each token in nats, null where none was computed: (n,) */
  readonly logProbs: readonly (number | null)[]
  /** Most probable token and its log-probability at each scored position; null elsewhere. */
  readonly best: readonly ({ readonly id: number; readonly logProb: number } | null)[]
  /** 1 + how many tokens are more probable; null where it was not asked for. */
  readonly ranks: readonly (number | null)[]
}

const ORDER: readonly Part[] = ['prefix', 'x', 'y', 'eos']

/** First position of a part and the position after its last. */
export function rangeOf(sizes: PartSizes, part: Part): { readonly start: number; readonly end: number } {
  const start = ORDER.slice(0, ORDER.indexOf(part)).reduce((sum, earlier) => sum + sizes[earlier], 0)
  return { start, end: start + sizes[part] }
}

/** The part that the token at a position belongs to. */
export function partAt(sizes: PartSizes, position: number): Part {
  return ORDER.find((part) => position < rangeOf(sizes, part).end) ?? 'eos'
}
