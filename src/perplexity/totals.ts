import { elementAt } from '../element-at.ts'
import { tokenText } from '../encoding/token-text.ts'
import type { RowScores } from '../engine/engine.ts'
import { joinMoments, needsMoments, type TokenMoments } from '../statistics/statistics.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import { ContextCurve, type CurvePoint, PositionCurve, perplexityOf } from './curve.ts'
import type { PerplexityOptions } from './request.ts'
import type { TextLengths } from './text-measure.ts'
import type { TextWindow } from './windows.ts'

/** A token under `detail: "tokens"`. */
export interface PerplexityToken {
  readonly id: number
  readonly text: string
  /** Base64; exact even where a character spans tokens. */
  readonly bytes: string
  /** Nats; null for the first token of a text that nothing precedes. */
  readonly log_prob: number | null
  readonly rank: number | null
  readonly entropy: number | null
  /** Tokens in front of it that its window has; null without a score. */
  readonly context_tokens: number | null
}

export interface Curve {
  readonly position: readonly CurvePoint[]
  readonly context: readonly CurvePoint[]
}

export interface Counts extends TextLengths {
  /** Tokens of the text, without the prefix token. */
  readonly tokens: number
  /** Tokens that `log_prob` has a term for. */
  readonly scored_tokens: number
}

export interface Rates {
  readonly perplexity: { readonly per_token: number | null; readonly per_word: number | null; readonly per_byte: number | null }
  readonly bits_per_byte: number
}

/** Divides the sum of all tokens; a rate above the largest number is null. */
export function ratesOf(logProb: number, { scored_tokens: tokens, words, bytes }: Pick<Counts, 'scored_tokens' | 'words' | 'bytes'>): Rates {
  return {
    perplexity: { per_token: perplexityOf(logProb, tokens), per_word: perplexityOf(logProb, words), per_byte: perplexityOf(logProb, bytes) },
    bits_per_byte: -logProb / (Math.LN2 * bytes)
  }
}

/**
 * Adds up the windows of one text, in their order. Sums nats in float64 over all tokens: a mean of means would be wrong
 * where windows differ in length.
 */
export class TextTotals {
  readonly #detail: PerplexityOptions['detail']
  readonly #statistics: PerplexityOptions['statistics']
  readonly #tokenizer: Tokenizer
  readonly #headTokens: number
  readonly #position = new PositionCurve()
  readonly #context = new ContextCurve()
  readonly #tokens: PerplexityToken[] = []
  readonly #moments: TokenMoments[] = []
  #logProb = 0
  #scoredTokens = 0
  #windows = 0

  /** `headTokens` precede the text. */
  constructor({ detail, statistics }: Pick<PerplexityOptions, 'detail' | 'statistics'>, tokenizer: Tokenizer, headTokens: number) {
    this.#detail = detail
    this.#statistics = statistics
    this.#tokenizer = tokenizer
    this.#headTokens = headTokens
  }

  /** `rows` has a row per scored token of the window, all finite. */
  add({ ids, firstScored, start }: TextWindow, rows: RowScores): void {
    this.#windows++
    this.#scoredTokens += rows.logProbs.length
    if (this.#statistics !== null) this.#moments.push(momentsOf(rows, needsMoments(this.#statistics)))
    if (this.#detail === 'tokens' && start === 0 && this.#headTokens === 0) this.#tokens.push(this.#token(elementAt(ids, 0), null, 0, null))
    for (const [row, logProb] of rows.logProbs.entries()) {
      const place = firstScored + row
      this.#logProb += logProb
      if (this.#detail === 'curve') {
        this.#position.add(Math.max(0, start + place - this.#headTokens), logProb)
        this.#context.add(place, logProb)
      }
      if (this.#detail === 'tokens') this.#tokens.push(this.#token(elementAt(ids, place), rows, row, place))
    }
  }

  get logProb(): number {
    return this.#logProb
  }

  get scoredTokens(): number {
    return this.#scoredTokens
  }

  get windows(): number {
    return this.#windows
  }

  /** The scored tokens, when statistics are requested. */
  get moments(): TokenMoments {
    return joinMoments(this.#moments)
  }

  /** What `detail` asked for. */
  get details(): { readonly tokens?: readonly PerplexityToken[]; readonly curve?: Curve } {
    if (this.#detail === 'tokens') return { tokens: this.#tokens }
    if (this.#detail === 'curve') return { curve: { position: this.#position.points, context: this.#context.points } }
    return {}
  }

  #token(id: number, rows: RowScores | null, row: number, contextTokens: number | null): PerplexityToken {
    const detail = rows?.detail ?? null
    return {
      ...tokenText(id, this.#tokenizer),
      log_prob: rows === null ? null : elementAt(rows.logProbs, row),
      rank: detail === null ? null : elementAt(detail.ranks, row),
      entropy: detail === null ? null : elementAt(detail.entropies, row),
      context_tokens: contextTokens
    }
  }
}

function momentsOf({ logProbs, detail }: RowScores, wantsMoments: boolean): TokenMoments {
  const { entropies, variances } = detail ?? {}
  const has = wantsMoments && entropies !== undefined && variances !== undefined
  return { logProbs, entropies: has ? entropies : null, variances: has ? variances : null }
}
