import type { Tokenizer } from '../tokenizer/tokenizer.ts'

/** Ids by text, so that one x with a hundred y is tokenized once. */
export class TextIds {
  readonly #tokenizer: Tokenizer
  readonly #parseSpecialTokens: boolean
  /** The empty text needs no tokenizer; requests of ids alone then never wait for it. */
  readonly #ids = new Map<string, Int32Array>([['', new Int32Array(0)]])

  constructor(tokenizer: Tokenizer, parseSpecialTokens: boolean) {
    this.#tokenizer = tokenizer
    this.#parseSpecialTokens = parseSpecialTokens
  }

  /** Tokenizes those of the texts that are new. */
  async add(texts: readonly string[]): Promise<void> {
    const fresh = [...new Set(texts)].filter((text) => !this.#ids.has(text))
    if (fresh.length === 0) return
    const ids = await this.#tokenizer.encode(fresh, { parseSpecialTokens: this.#parseSpecialTokens })
    fresh.forEach((text, i) => this.#ids.set(text, ids[i] ?? new Int32Array(0)))
  }

  of(text: string): Int32Array {
    const ids = this.#ids.get(text)
    if (ids === undefined) throw new Error('a text was asked for before it was tokenized')
    return ids
  }
}
