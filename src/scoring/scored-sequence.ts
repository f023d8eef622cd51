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

/**
 * Sums of token log-probabilities, nats. Null when a token inside was not scored: the first token of a text without
 * prefix token has no probability, and a term that was not asked for was not computed.
 */
export interface LogProbSums {
  /** log Pr([x, y]), summed on its own over x, y and EOS. */
  readonly joint: number | null
  /** log Pr(x): a prefix probability, never with an end token. */
  readonly marginal: number | null
  /** log Pr(y | x), summed directly over y and EOS. */
  readonly conditional: number | null
  /** log Pr(EOS | x, y) when it was scored. */
  readonly eos: number | null
  /** Without a prefix token the first token has no probability; joint and marginal then leave it out. */
  readonly isConditionalOnFirstToken: boolean
}

/** Sums run in float64, each over its own range, so that joint - marginal is a check on conditional and not its definition. */
export function logProbSums({ logProbs, sizes }: ScoredSequence): LogProbSums {
  const isConditionalOnFirstToken = sizes.prefix === 0 && sizes.x > 0
  const x = rangeOf(sizes, 'x')
  const eos = rangeOf(sizes, 'eos')
  const first = isConditionalOnFirstToken ? x.start + 1 : x.start
  // An x of one unscored token leaves nothing to sum, and 0 would say that it is certain.
  const hasMarginal = !(isConditionalOnFirstToken && sizes.x === 1)

  return {
    joint: sumOf(logProbs.slice(first, eos.end)),
    marginal: hasMarginal ? sumOf(logProbs.slice(first, x.end)) : null,
    conditional: sumOf(logProbs.slice(x.end, eos.end)),
    eos: sizes.eos === 0 ? null : sumOf(logProbs.slice(eos.start, eos.end)),
    isConditionalOnFirstToken
  }
}

function sumOf(values: readonly (number | null)[]): number | null {
  return values.reduce<number | null>((sum, value) => (sum === null || value === null ? null : sum + value), 0)
}
