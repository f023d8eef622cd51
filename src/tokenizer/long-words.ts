/**
 * Byte-pair merges of long words. The library keeps an object and a JSON text for each pair, and takes nine seconds for
 * a megabyte without spaces; numbers in typed arrays take half a second for the same merges.
 */

/** The fields of a BPE model of the library that this file reads and replaces. */
export interface BytePairModel {
  bpe?: (word: string) => string[]
  readonly merges?: readonly (readonly [string, string])[]
  readonly bpe_ranks?: ReadonlyMap<string, number>
  readonly end_of_word_suffix?: string | null
  readonly continuing_subword_suffix?: string | null
}

/** The library keeps the result of shorter words. */
const LONG_WORD_UNITS = 256

/** Replaces the merges of long words, with the same result. Does nothing for other models than BPE. */
export function mergeLongWords(model: BytePairModel): void {
  const { bpe, merges } = model
  const hasSuffix = Boolean(model.end_of_word_suffix) || Boolean(model.continuing_subword_suffix)
  if (bpe === undefined || merges === undefined || model.bpe_ranks === undefined || hasSuffix) return
  let longWords: LongWords | undefined
  model.bpe = (word) => {
    if (word.length < LONG_WORD_UNITS) return bpe.call(model, word)
    longWords ??= new LongWords(merges)
    return longWords.merged(word)
  }
}

const NONE = -1
/** Positions of a word are below this power of two. */
const POSITIONS = 2 ** 26

/** Always merges the pair of the lowest rank, and among equal pairs the first one. */
export class LongWords {
  readonly #symbols = new Map<string, number>()
  /** By left symbol, then by right symbol: the rank of the pair. */
  readonly #ranks: Map<number, number>[] = []
  /** By rank: the symbol of the merged pair. */
  readonly #merged: Int32Array

  constructor(merges: readonly (readonly [string, string])[]) {
    this.#merged = new Int32Array(merges.length)
    for (const [rank, [left, right]] of merges.entries()) {
      const pairs = this.#ranks[this.#symbolOf(left)] as Map<number, number>
      pairs.set(this.#symbolOf(right), rank)
      this.#merged[rank] = this.#symbolOf(left + right)
    }
  }

  merged(word: string): string[] {
    const characters = Array.from(word)
    const length = characters.length
    const symbols = Int32Array.from(characters, (character) => this.#symbols.get(character) ?? NONE)
    /** The neighbours of the symbol that begins at a position. */
    const next = Int32Array.from({ length }, (_, i) => (i + 1 < length ? i + 1 : NONE))
    const previous = Int32Array.from({ length }, (_, i) => i - 1)
    /** The rank of the pair that begins at a position. */
    const ranks = new Int32Array(length).fill(NONE)
    const queue = new LowestFirst(length)
    const rank = (at: number): void => {
      const right = next[at]!
      const pair = right === NONE || symbols[at] === NONE ? undefined : this.#ranks[symbols[at]!]?.get(symbols[right]!)
      ranks[at] = pair ?? NONE
      if (pair !== undefined) queue.push(pair * POSITIONS + at)
    }
    for (let at = 0; at + 1 < length; at++) rank(at)
    for (let entry = queue.pop(); entry !== undefined; entry = queue.pop()) {
      const at = entry % POSITIONS
      const pair = (entry - at) / POSITIONS
      // Another merge has changed the pair since.
      if (ranks[at] !== pair) continue
      const right = next[at]!
      symbols[at] = this.#merged[pair]!
      ranks[right] = NONE
      next[at] = next[right]!
      if (next[at] !== NONE) previous[next[at]!] = at
      rank(at)
      if (previous[at] !== NONE) rank(previous[at]!)
    }
    const tokens: string[] = []
    // Where each character is one UTF-16 unit, a part of the word is a part of the text.
    const textOf = length === word.length ? (at: number, end: number) => word.slice(at, end) : (at: number, end: number) => characters.slice(at, end).join('')
    for (let at = 0; at !== NONE; at = next[at]!) tokens.push(textOf(at, next[at] === NONE ? length : next[at]!))
    return tokens
  }

  #symbolOf(text: string): number {
    const known = this.#symbols.get(text)
    if (known !== undefined) return known
    this.#symbols.set(text, this.#symbols.size)
    this.#ranks.push(new Map())
    return this.#symbols.size - 1
  }
}

/** A binary heap of numbers. */
class LowestFirst {
  #heap: Float64Array
  #size = 0

  constructor(capacity: number) {
    this.#heap = new Float64Array(2 * capacity + 16)
  }

  push(value: number): void {
    if (this.#size === this.#heap.length) {
      const larger = new Float64Array(2 * this.#size)
      larger.set(this.#heap)
      this.#heap = larger
    }
    const heap = this.#heap
    let at = this.#size++
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (heap[parent]! <= value) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = value
  }

  pop(): number | undefined {
    if (this.#size === 0) return undefined
    const heap = this.#heap
    const lowest = heap[0]!
    const value = heap[--this.#size]!
    let at = 0
    for (let child = 1; child < this.#size; child = 2 * at + 1) {
      if (child + 1 < this.#size && heap[child + 1]! < heap[child]!) child++
      if (heap[child]! >= value) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = value
    return lowest
  }
}
