import type { Lengths } from '../scoring/normalized.ts'

/** Makes log Pr(y | x) comparable between documents. docs/guides/rerank.md explains when to use which. */
export type Normalization =
  | { readonly kind: 'per_token' | 'sum' | 'per_char' | 'per_byte' | 'pmi' }
  /** s / n^alpha: an alpha of 0 gives the sum, 1 the mean per token. */
  | { readonly kind: 'alpha'; readonly alpha: number }
  /** `domainPrompt` replaces x in the baseline. */
  | { readonly kind: 'dc_pmi'; readonly domainPrompt: string }

export const NORMALIZATIONS = ['per_token', 'sum', 'per_char', 'per_byte', 'pmi', 'dc_pmi', 'alpha'] as const satisfies readonly Normalization['kind'][]

/** The inputs of a normalization; log-probabilities in nats. */
export interface Terms {
  /** log Pr(y | x) */
  readonly logProb: number
  /** Lengths of the scored y. */
  readonly y: Lengths
  /** log Pr(y) or log Pr(y | domain prompt) for the same tokens of y; null when the normalization has no baseline. */
  readonly baselineLogProb: number | null
}

/**
 * The normalization that ranks best where y differs between documents (docs/decisions/0026-rerank-default.md). Where y
 * is the query it is the same for all documents, and a baseline would not change their order. `pmi` needs a prefix
 * token.
 */
export function defaultNormalization(yDiffers: boolean, hasPrefixToken: boolean): Normalization {
  return { kind: yDiffers && hasPrefixToken ? 'pmi' : 'per_token' }
}

/** Longest over shortest y, in tokens, from which on the normalization is likely to rank by length. */
export function largestLengthRatio(normalization: Normalization): number {
  switch (normalization.kind) {
    case 'sum':
      return 2
    case 'alpha':
      return normalization.alpha < 1 ? 2 : 4
    case 'per_token':
    case 'per_char':
    case 'per_byte':
      return 4
    case 'pmi':
    case 'dc_pmi':
      return Number.POSITIVE_INFINITY
  }
}

/** Whether the normalization subtracts log Pr(y) after something other than x. */
export function hasBaseline({ kind }: Normalization): boolean {
  return kind === 'pmi' || kind === 'dc_pmi'
}

/**
 * The normalized log-probability of y in nats. With s = log Pr(y | x) and n the number of tokens of y:
 *
 * - `sum` s; `per_token` s / n; `per_char` s / code points; `per_byte` s / UTF-8 bytes
 * - `alpha` s / n^alpha (the length penalty of beam search in transformers)
 * - `pmi`, `dc_pmi` s - log Pr(y | x') with x' empty or the domain prompt (Holtzman et al., 2021, arXiv:2104.08315)
 *
 * All except the log-ratios of the last line are at most 0.
 */
export function normalizedLogProb(normalization: Normalization, { logProb, y, baselineLogProb }: Terms): number {
  switch (normalization.kind) {
    case 'sum':
      return logProb
    case 'per_token':
      return logProb / y.tokens
    case 'per_char':
      return logProb / y.chars
    case 'per_byte':
      return logProb / y.bytes
    case 'alpha':
      return logProb / y.tokens ** normalization.alpha
    case 'pmi':
    case 'dc_pmi':
      if (baselineLogProb === null) throw new Error(`normalization ${normalization.kind} needs the log-probability of a baseline`)
      return logProb - baselineLogProb
  }
}

/**
 * Maps a normalized log-probability v to a score in (0, 1], which clients of rerankers expect and compare with
 * thresholds: exp(v), or for a log-ratio the logistic function 1 / (1 + exp(-v)) = p / (p + p') with p = Pr(y | x) and
 * p' the baseline. Where exp underflows the score stays above 0, because clients read 0 as no score. Rank by v, not by
 * the score.
 */
export function relevanceScore(normalization: Normalization, value: number): number {
  return hasBaseline(normalization) ? logistic(value) : positive(Math.exp(value))
}

/** 1 / (1 + exp(-value)), in (0, 1]. */
export function logistic(value: number): number {
  return positive(1 / (1 + Math.exp(-value)))
}

function positive(score: number): number {
  return Math.min(1, Math.max(score, Number.MIN_VALUE))
}
