/** Part of a sequence that a token belongs to. */
export type Part = 'prefix' | 'x' | 'y' | 'eos'

/** Number of tokens of each part; `prefix` and `eos` are 0 or 1. */
export type PartSizes = Readonly<Record<Part, number>>

/** A sequence [prefix token] ++ x ++ y ++ [end token] with the log-probabilities of its tokens. Every array is (n,). */
export interface ScoredSequence {
  readonly ids: Int32Array
  readonly sizes: PartSizes
  /** Nats; null for tokens that were not scored. */
  readonly logProbs: readonly (number | null)[]
  /** The most probable token in the row that predicts each token; null for tokens that were not scored. */
  readonly best: readonly ({ readonly id: number; readonly logProb: number } | null)[]
  /** 1 + the number of tokens with a higher logit; null if not requested. */
  readonly ranks: readonly (number | null)[]
}

const ORDER: readonly Part[] = ['prefix', 'x', 'y', 'eos']

/** First position of a part, and the position after its last one. */
export function rangeOf(sizes: PartSizes, part: Part): { readonly start: number; readonly end: number } {
  const start = ORDER.slice(0, ORDER.indexOf(part)).reduce((sum, earlier) => sum + sizes[earlier], 0)
  return { start, end: start + sizes[part] }
}

export function partAt(sizes: PartSizes, position: number): Part {
  return ORDER.find((part) => position < rangeOf(sizes, part).end) ?? 'eos'
}

/**
 * Sums of token log-probabilities, nats. A sum is null if one of its tokens was not scored: a term that was not
 * requested is not computed, and the first token of a sequence without prefix token has no probability.
 */
export interface LogProbSums {
  /** log Pr([x, y]), summed over x, y and the end token. */
  readonly joint: number | null
  /** log Pr(x), summed over x: the probability that a text begins with x. */
  readonly marginal: number | null
  /** log Pr(y | x), summed over y and the end token. */
  readonly conditional: number | null
  /** log Pr(end token | x, y); null if there is no end token. */
  readonly eos: number | null
  /** Whether joint and marginal leave out the first token, which has no probability without a prefix token. */
  readonly isConditionalOnFirstToken: boolean
}

/**
 * Sums in float64. Each sum has its own loop, so that joint - marginal is a check on conditional, not its definition.
 */
export function logProbSums({ logProbs, sizes }: ScoredSequence): LogProbSums {
  const isConditionalOnFirstToken = sizes.prefix === 0 && sizes.x > 0
  const x = rangeOf(sizes, 'x')
  const eos = rangeOf(sizes, 'eos')
  const first = isConditionalOnFirstToken ? x.start + 1 : x.start
  // If the only token of x has no probability, a sum of 0 would mean that x is certain.
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
