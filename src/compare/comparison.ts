import { isSameToken, type SideToken, type TokenPair, tokenPairs } from './side.ts'
import { Heaviest, ValueSample, type ValueSummary } from './value-sample.ts'

const QUANTILES: readonly number[] = [0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999]
/** Characters shown before and behind a token. */
const CONTEXT_CHARACTERS = 40

/** Where a text comes from. */
export interface TextPlace {
  readonly file?: string
  readonly line?: number
}

/** One side over all texts. */
interface SideSums {
  readonly tokens: number
  /** Of all scored tokens, in nats. */
  readonly log_prob: number
  /** Null without scored tokens. */
  readonly perplexity_per_token: number | null
  readonly bits_per_byte: number | null
}

export interface WorstToken extends TextPlace {
  /** From 0, among the tokens of the text. */
  readonly position: number
  readonly delta: number
  readonly a: number
  readonly b: number
  readonly before: string
  readonly token: string
  readonly after: string
}

export interface ComparisonResult {
  readonly texts: number
  /** Texts that the two sides split into other tokens, so that `delta` and `same_top` leave them out. */
  readonly texts_with_other_tokens: number
  /** Texts whose first token only one side scores: it has a prefix token before them, and the other has none. */
  readonly texts_with_other_start: number
  /** Tokens that both sides scored. */
  readonly tokens: number
  readonly a: SideSums
  readonly b: SideSums
  /** Of log Pr under B minus log Pr under A, per token in nats; null when no token is defined on both sides. */
  readonly delta: ValueSummary | null
  /** Share of the positions at which both sides have the same most probable token; null when it is not known. */
  readonly same_top: number | null
  /** Of bits per byte under B minus those under A, per text. */
  readonly bits_per_byte_delta: ValueSummary | null
  readonly worst: readonly WorstToken[]
}

/** Adds up the texts of a corpus that two sides have scored. Keeps no text. */
export class Comparison {
  readonly deltas = new ValueSample()
  readonly #rates = new ValueSample()
  readonly #worst: Heaviest<WorstToken>
  readonly #a = new Sums()
  readonly #b = new Sums()
  #texts = 0
  #otherTokens = 0
  #otherStarts = 0
  #tops = 0
  #sameTops = 0

  constructor(worstCount: number) {
    this.#worst = new Heaviest(worstCount)
  }

  add(text: string, place: TextPlace, a: readonly SideToken[], b: readonly SideToken[]): void {
    this.#texts++
    const rates = [this.#a.add(text, a), this.#b.add(text, b)] as const
    if (rates[0] !== null && rates[1] !== null) this.#rates.add(rates[1] - rates[0])
    const pairs = tokenPairs(a, b)
    if (pairs === null) this.#otherTokens++
    if ((pairs?.[0]?.a.logProb === null) !== (pairs?.[0]?.b.logProb === null)) this.#otherStarts++
    for (const position of (pairs ?? []).keys()) this.#addToken(pairs ?? [], position, place)
  }

  result(): ComparisonResult {
    return {
      texts: this.#texts,
      texts_with_other_tokens: this.#otherTokens,
      texts_with_other_start: this.#otherStarts,
      tokens: this.deltas.count,
      a: this.#a.result(),
      b: this.#b.result(),
      delta: this.deltas.summary(QUANTILES),
      same_top: this.#tops === 0 ? null : this.#sameTops / this.#tops,
      bits_per_byte_delta: this.#rates.summary(QUANTILES),
      worst: this.#worst.entries
    }
  }

  #addToken(pairs: readonly TokenPair[], position: number, place: TextPlace): void {
    const pair = pairs[position]
    if (pair === undefined || pair.a.logProb === null || pair.b.logProb === null) return
    const { a, b } = pair
    const [own, other] = [pair.a.logProb, pair.b.logProb]
    const delta = other - own
    this.deltas.add(delta)
    if (a.top !== null && b.top !== null) {
      this.#tops++
      if (isSameToken(a.top, b.top)) this.#sameTops++
    }
    this.#worst.offer(Math.abs(delta), () => ({
      ...place,
      position,
      delta,
      a: own,
      b: other,
      before: spelled(pairs.slice(Math.max(0, position - CONTEXT_CHARACTERS), position)).slice(-CONTEXT_CHARACTERS),
      token: spelled([pair]),
      after: spelled(pairs.slice(position + 1, position + 1 + CONTEXT_CHARACTERS)).slice(0, CONTEXT_CHARACTERS)
    }))
  }
}

function spelled(pairs: readonly TokenPair[]): string {
  return pairs.map(({ a, b }) => a.text ?? b.text ?? `[${a.id ?? b.id}]`).join('')
}

/** The scored tokens of one side. */
class Sums {
  #tokens = 0
  #bytes = 0
  #logProb = 0

  /** The bits per byte of the text; null when no token of it is scored. */
  add(text: string, tokens: readonly SideToken[]): number | null {
    const scored = tokens.flatMap(({ logProb }) => (logProb === null ? [] : [logProb]))
    const logProb = scored.reduce((sum, value) => sum + value, 0)
    const bytes = Buffer.byteLength(text) - unscoredBytes(text, tokens)
    if (scored.length === 0 || bytes <= 0) return null
    this.#tokens += scored.length
    this.#bytes += bytes
    this.#logProb += logProb
    return -logProb / Math.LN2 / bytes
  }

  result(): SideSums {
    const isEmpty = this.#tokens === 0
    return {
      tokens: this.#tokens,
      log_prob: this.#logProb,
      perplexity_per_token: isEmpty ? null : Math.exp(-this.#logProb / this.#tokens),
      bits_per_byte: isEmpty ? null : -this.#logProb / Math.LN2 / this.#bytes
    }
  }
}

/** Bytes of a first token that has no log-probability. BOS is no part of the text. */
function unscoredBytes(text: string, [first]: readonly SideToken[]): number {
  return first?.logProb === null && first.text !== null && text.startsWith(first.text) ? Buffer.byteLength(first.text) : 0
}
