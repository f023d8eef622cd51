import { elementAt } from '../element-at.ts'
import type { TextPerplexity } from './text-scores.ts'
import { type Counts, type Rates, ratesOf } from './totals.ts'

export const BUCKETS = ['head', 'middle', 'tail'] as const
export type Bucket = (typeof BUCKETS)[number]

/** Bounds of CCNet's buckets: a third of the texts each. */
export const DEFAULT_QUANTILES: readonly number[] = [1 / 3, 2 / 3]

/** The bucket of a text by its perplexity per token; `tail` when that is above the largest number. */
export function bucketOf(perplexity: number | null, [head, middle]: readonly [number, number]): Bucket {
  if (perplexity === null || perplexity > middle) return 'tail'
  return perplexity > head ? 'middle' : 'head'
}

/** Many texts together. */
export interface Corpus extends Rates {
  readonly texts: number
  readonly log_prob: number
  readonly counts: Counts
  /** Of the perplexities per token of the texts. */
  readonly quantiles: readonly { readonly quantile: number; readonly perplexity: number | null }[]
}

/** Adds up texts. Keeps one number per text. */
export class CorpusTotals {
  #values = new Float64Array(1024)
  #texts = 0
  #logProb = 0
  readonly #counts = { tokens: 0, scored_tokens: 0, bytes: 0, chars: 0, words: 0 }

  add({ log_prob: logProb, counts, perplexity }: Pick<TextPerplexity, 'log_prob' | 'counts' | 'perplexity'>): void {
    if (this.#texts === this.#values.length) {
      const longer = new Float64Array(2 * this.#texts)
      longer.set(this.#values)
      this.#values = longer
    }
    this.#values[this.#texts++] = perplexity.per_token ?? Number.POSITIVE_INFINITY
    this.#logProb += logProb
    for (const name of ['tokens', 'scored_tokens', 'bytes', 'chars', 'words'] as const) this.#counts[name] += counts[name]
  }

  get texts(): number {
    return this.#texts
  }

  /** Null without texts. */
  corpus(quantiles: readonly number[]): Corpus | null {
    if (this.#texts === 0) return null
    const sorted = this.#values.slice(0, this.#texts).sort()
    return {
      texts: this.#texts,
      log_prob: this.#logProb,
      counts: { ...this.#counts },
      ...ratesOf(this.#logProb, this.#counts),
      quantiles: quantiles.map((quantile) => ({ quantile, perplexity: quantileOf(sorted, quantile) }))
    }
  }
}

/** With linear interpolation, as NumPy's default. Null when it is above the largest number. */
export function quantileOf(sorted: Float64Array, quantile: number): number | null {
  const at = quantile * (sorted.length - 1)
  const low = elementAt(sorted, Math.floor(at))
  const high = elementAt(sorted, Math.ceil(at))
  const value = low === high ? low : low + (high - low) * (at - Math.floor(at))
  return Number.isFinite(value) ? value : null
}
