import type { Lengths } from '../scoring/normalized.ts'

/** How log Pr(y | x) becomes comparable between documents; docs/guides/rerank.md has each formula and when to use it. */
export type Normalization =
  | { readonly kind: 'per_token' | 'sum' | 'per_char' | 'per_byte' | 'pmi' }
  /** s / n^alpha: 0 is the sum, 1 the mean per token. */
  | { readonly kind: 'alpha'; readonly alpha: number }
  /** `domainPrompt` stands in place of x in the baseline. */
  | { readonly kind: 'dc_pmi'; readonly domainPrompt: string }

export const NORMALIZATIONS = ['per_token', 'sum', 'per_char', 'per_byte', 'pmi', 'dc_pmi', 'alpha'] as const satisfies readonly Normalization['kind'][]

/** What a normalisation is made of: nats, and the lengths of y as it was scored. */
export interface Terms {
  /** log Pr(y | x) */
  readonly logProb: number
  readonly y: Lengths
  /** log Pr(y) or log Pr(y | domain prompt) for the same tokens of y; null where the normalisation has no baseline. */
  readonly baselineLogProb: number | null
}

/** Whether the normalisation compares with y after something else than x. */
export function hasBaseline({ kind }: Normalization): boolean {
  return kind === 'pmi' || kind === 'dc_pmi'
}

/**
 * The normalised log-probability of y, nats; with s = log Pr(y | x) and n the tokens of y:
 *
 * - `sum` s; `per_token` s / n; `per_char` s / code points; `per_byte` s / UTF-8 bytes
 * - `alpha` s / n^alpha (the length penalty of beam search in transformers)
 * - `pmi`, `dc_pmi` s - log Pr(y | x'), x' empty or the domain prompt (Holtzman et al., 2021, arXiv:2104.08315)
 *
 * All but the last line are at most 0.
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
      if (baselineLogProb === null) throw new Error('a normalisation with a baseline was asked for without one')
      return logProb - baselineLogProb
  }
}

/**
 * A normalised log-probability v as a score in (0, 1], which is what clients of rerankers expect and compare with
 * thresholds: exp(v), or for a log-ratio the logistic function 1 / (1 + exp(-v)) = p / (p + p') with p = Pr(y | x) and
 * p' the baseline. Never 0, where exp underflows: clients take 0 for no score. Order by v, not by this.
 */
export function relevanceScore(normalization: Normalization, value: number): number {
  const score = hasBaseline(normalization) ? 1 / (1 + Math.exp(-value)) : Math.exp(value)
  return Math.min(1, Math.max(score, Number.MIN_VALUE))
}
