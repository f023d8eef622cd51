import { elementAt } from '../element-at.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'

/** What the tokenizer makes of one text. */
interface TokenizedText {
  readonly ids: Int32Array
  /** The text as the tokenizer's normalizer left it, which is what the ids should spell. */
  readonly normalized: string
}

/** Ids by text, so that one x with a hundred y is tokenized once. */
export class TextIds {
  readonly #tokenizer: Tokenizer
  readonly #parseSpecialTokens: boolean
  /** The empty text needs no tokenizer; requests of ids alone then never wait for it. */
  readonly #texts = new Map<string, TokenizedText>([['', { ids: new Int32Array(0), normalized: '' }]])

  constructor(tokenizer: Tokenizer, parseSpecialTokens: boolean) {
    this.#tokenizer = tokenizer
    this.#parseSpecialTokens = parseSpecialTokens
  }

  /** Tokenizes those of the texts that are new. */
  async add(texts: readonly string[]): Promise<void> {
    const fresh = [...new Set(texts)].filter((text) => !this.#texts.has(text))
    if (fresh.length === 0) return
    const options = { parseSpecialTokens: this.#parseSpecialTokens }
    const { info } = this.#tokenizer
    const [ids, normalized] = await Promise.all([
      this.#tokenizer.encode(fresh, options),
      info.hasNormalizer ? this.#tokenizer.normalize(fresh, options) : fresh
    ])
    fresh.forEach((text, i) => this.#texts.set(text, { ids: elementAt(ids, i), normalized: elementAt(normalized, i) }))
  }

  of(text: string): Int32Array {
    return this.#found(text).ids
  }

  normalized(text: string): string {
    return this.#found(text).normalized
  }

  #found(text: string): TokenizedText {
    const found = this.#texts.get(text)
    if (found === undefined) throw new Error('a text was asked for before it was tokenized')
    return found
  }
}
