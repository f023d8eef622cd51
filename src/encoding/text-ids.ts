import { elementAt, entryOf } from '../element-at.ts'
import { isSliceOver, nextSlice } from '../event-loop.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'

interface TokenizedText {
  readonly ids: Int32Array
  /** The text after the tokenizer's normalizer, which is what the ids should spell. */
  readonly normalized: string
}

const NOTHING: TokenizedText = { ids: new Int32Array(0), normalized: '' }

/** Token ids by text. Tokenizes each text once, however many items share it. */
export class TextIds {
  readonly #tokenizer: Tokenizer
  readonly #parseSpecialTokens: boolean
  /** The empty text needs no tokenizer, so that requests of token ids never wait for it. */
  readonly #texts = new Map<string, TokenizedText>([['', NOTHING]])
  /** Ids of texts behind other tokens, where those differ. */
  readonly #behind = new Map<string, TokenizedText>([['', NOTHING]])

  constructor(tokenizer: Tokenizer, parseSpecialTokens: boolean) {
    this.#tokenizer = tokenizer
    this.#parseSpecialTokens = parseSpecialTokens
  }

  /** `continues` is for texts that stand behind other tokens. */
  async add(texts: readonly string[], continues = false): Promise<void> {
    const known = this.#known(continues)
    const distinct = new Set<string>()
    for (const text of texts) {
      // Looking up a long text takes as long as reading it.
      if (isSliceOver()) await nextSlice()
      if (!known.has(text)) distinct.add(text)
    }
    const missing = [...distinct]
    if (missing.length === 0) return
    const options = { parseSpecialTokens: this.#parseSpecialTokens, continues: known === this.#behind }
    const [ids, normalized] = await Promise.all([
      this.#tokenizer.encode(missing, options),
      this.#tokenizer.info.hasNormalizer ? this.#tokenizer.normalize(missing, options) : missing
    ])
    missing.forEach((text, i) => known.set(text, { ids: elementAt(ids, i), normalized: elementAt(normalized, i) }))
  }

  /** The ids of a text that was added. */
  of(text: string, continues = false): Int32Array {
    return entryOf(this.#known(continues), text).ids
  }

  /** Does not depend on what stands in front. */
  normalized(text: string): string {
    return (this.#behind.get(text) ?? entryOf(this.#texts, text)).normalized
  }

  #known(continues: boolean): Map<string, TokenizedText> {
    return continues && this.#tokenizer.info.prefixesFirstTextOnly ? this.#behind : this.#texts
  }
}
