/**
 * BPE from text to ids as the tokenizers library in Rust does it. The JavaScript package keeps a JSON text for every
 * pair, which takes 250 MiB for 515,000 merges, and nine seconds for a megabyte without spaces.
 */

import { MergeTable, merge } from './merge-table.ts'

/** The model of a tokenizer.json. */
export interface BytePairJson {
  readonly type?: string
  readonly merges?: readonly (string | readonly [string, string])[]
  readonly unk_token?: string | null
  readonly fuse_unk?: boolean
  readonly byte_fallback?: boolean
  readonly ignore_merges?: boolean
  readonly end_of_word_suffix?: string | null
  readonly continuing_subword_prefix?: string | null
}

/** Words whose ids are kept; all are dropped when there are more. */
const MAX_KEPT_WORDS = 10_000
const MAX_KEPT_UNITS = 256
/** Code points below this number have a place in a table. */
const TABLE_SIZE = 0x10000
const NONE = -1

/** Whether `BytePairEncoder` knows everything that the model does. */
export function isPlainBytePair(model: BytePairJson): boolean {
  return model.merges !== undefined && !model.end_of_word_suffix && !model.continuing_subword_prefix
}

export class BytePairEncoder {
  readonly #vocab: ReadonlyMap<string, number>
  readonly #table: MergeTable
  readonly #idOfCharacter: Int32Array
  /** Ids of the 256 bytes, where they are tokens; null without byte fallback. */
  readonly #idOfByte: readonly (number | undefined)[] | null
  readonly #unknownId: number | undefined
  readonly #fusesUnknown: boolean
  readonly #ignoresMerges: boolean
  readonly #kept = new Map<string, readonly number[]>()
  #symbols = new Int32Array(MAX_KEPT_UNITS)

  /** `vocab` is read at every call, so it must stay as it is. */
  constructor(vocab: ReadonlyMap<string, number>, model: BytePairJson) {
    this.#vocab = vocab
    this.#table = new MergeTable(model.merges ?? [], (spelling) => vocab.get(spelling))
    this.#idOfCharacter = new Int32Array(TABLE_SIZE).fill(NONE)
    for (let unit = 0; unit < TABLE_SIZE; unit++) this.#idOfCharacter[unit] = vocab.get(String.fromCharCode(unit)) ?? NONE
    const bytes = Array.from({ length: 256 }, (_, byte) => vocab.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`))
    this.#idOfByte = model.byte_fallback === true ? bytes : null
    this.#unknownId = typeof model.unk_token === 'string' ? vocab.get(model.unk_token) : undefined
    this.#fusesUnknown = model.fuse_unk === true
    this.#ignoresMerges = model.ignore_merges === true
  }

  /** Ids of words, as a pre-tokenizer splits a text. */
  ids(words: readonly string[]): number[] {
    const ids: number[] = []
    for (const word of words) {
      const whole = this.#ignoresMerges ? this.#vocab.get(word) : undefined
      if (whole !== undefined) ids.push(whole)
      else if (word.length < MAX_KEPT_UNITS) for (const id of this.#keptIds(word)) ids.push(id)
      else {
        const count = this.#merged(word)
        for (let at = 0; at < count; at++) ids.push(this.#symbols[at]!)
        this.#symbols = new Int32Array(MAX_KEPT_UNITS)
      }
    }
    return ids
  }

  #keptIds(word: string): readonly number[] {
    const known = this.#kept.get(word)
    if (known !== undefined) return known
    const count = this.#merged(word)
    const ids = Array.from(this.#symbols.subarray(0, count))
    if (this.#kept.size >= MAX_KEPT_WORDS) this.#kept.clear()
    this.#kept.set(word, ids)
    return ids
  }

  /** Writes the ids of a word into `#symbols`, and returns how many there are. */
  #merged(word: string): number {
    // A character of one unit has up to three bytes, and one of two units four.
    const most = word.length * (this.#idOfByte === null ? 1 : 3)
    if (this.#symbols.length < most) this.#symbols = new Int32Array(most)
    const symbols = this.#symbols
    let count = 0
    let endsUnknown = false
    for (let at = 0; at < word.length; at++) {
      const point = word.codePointAt(at) as number
      const id = point < TABLE_SIZE ? this.#idOfCharacter[point]! : (this.#vocab.get(String.fromCodePoint(point)) ?? NONE)
      if (point >= TABLE_SIZE) at++
      if (id !== NONE) {
        symbols[count++] = id
        endsUnknown = false
        continue
      }
      const bytes = this.#idsOfBytes(point)
      if (bytes !== null) for (const byte of bytes) symbols[count++] = byte
      else if (this.#unknownId !== undefined) {
        if (!endsUnknown || !this.#fusesUnknown) symbols[count++] = this.#unknownId
        endsUnknown = true
      }
    }
    return merge(symbols, count, this.#table)
  }

  /** Null without byte fallback, and if a byte of the character is no token. */
  #idsOfBytes(point: number): number[] | null {
    if (this.#idOfByte === null) return null
    const ids: number[] = []
    for (const byte of Buffer.from(String.fromCodePoint(point))) {
      const id = this.#idOfByte[byte]
      if (id === undefined) return null
      ids.push(id)
    }
    return ids
  }
}
