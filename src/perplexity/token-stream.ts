import { elementAt } from '../element-at.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import { joined } from './windows.ts'

/** UTF-16 units that are tokenized at once: 10 to 20 ms of work, after which texts of others have their turn. */
export const PIECE_UNITS = 16_384
/** UTF-16 units on each side of a cut that are tokenized together and apart. */
const COMPARED_UNITS = 512
/** Places that are compared in one call. */
const PLACES = 4

/** Where one piece ends and the next begins; a space in between is one that the tokenizer adds again. */
interface Cut {
  readonly end: number
  readonly start: number
}

/**
 * Tokenizes a text in pieces to the ids of the whole text, so that a text of any length blocks no thread for long and
 * need not be in memory. A text is cut only where the tokens on both sides do not depend on each other: around each cut
 * the text is tokenized together and apart. Where no place is like this, the piece grows.
 */
export class TokenStream {
  readonly #tokenizer: Tokenizer
  readonly #parseSpecialTokens: boolean
  #text = ''
  #isFirst = true
  #wantedUnits = PIECE_UNITS

  constructor(tokenizer: Tokenizer, parseSpecialTokens: boolean) {
    this.#tokenizer = tokenizer
    this.#parseSpecialTokens = parseSpecialTokens
  }

  /** The ids of the pieces that are certain. `text` must not end inside a code point. */
  async *push(text: string): AsyncGenerator<Int32Array> {
    this.#text += text
    while (this.#text.length >= this.#wantedUnits + COMPARED_UNITS) {
      const cut = await this.#cut()
      if (cut === null) {
        this.#wantedUnits *= 2
        continue
      }
      yield await this.#encode(this.#text.slice(0, cut.end))
      this.#text = this.#text.slice(cut.start)
      this.#wantedUnits = PIECE_UNITS
    }
  }

  /** The ids of what is left. */
  async end(): Promise<Int32Array> {
    return this.#text === '' ? new Int32Array(0) : this.#encode(this.#text)
  }

  async #encode(text: string): Promise<Int32Array> {
    const [ids] = await this.#ids([text], !this.#isFirst)
    this.#isFirst = false
    return ids ?? new Int32Array(0)
  }

  #ids(texts: readonly string[], continues: boolean): Promise<Int32Array[]> {
    return this.#tokenizer.encode(texts, { parseSpecialTokens: this.#parseSpecialTokens, continues })
  }

  async #cut(): Promise<Cut | null> {
    return (await this.#firstSafe(placesBetweenWords(this.#text, this.#wantedUnits))) ?? (await this.#firstSafe(otherPlaces(this.#text, this.#wantedUnits)))
  }

  async #firstSafe(places: readonly number[]): Promise<Cut | null> {
    const tried = places.flatMap((place): { cut: Cut; texts: readonly string[] }[] => {
      const from = codePointStart(this.#text, place - COMPARED_UNITS)
      const to = codePointStart(this.#text, place + COMPARED_UNITS)
      const cuts = this.#text[place] === ' ' ? [0, 1] : [0]
      return cuts.map((dropped) => ({
        cut: { end: place, start: place + dropped },
        texts: [this.#text.slice(from, to), this.#text.slice(from, place), this.#text.slice(place + dropped, to)]
      }))
    })
    const ids = await this.#ids(
      tried.flatMap(({ texts }) => texts),
      true
    )
    const safe = tried.find((_, i) => isEqual(elementAt(ids, 3 * i), joined(elementAt(ids, 3 * i + 1), elementAt(ids, 3 * i + 2))))
    return safe?.cut ?? null
  }
}

const SPACE = /\s/

/** The last places before `end` where white space begins a word; only from the second half, so that pieces are long. */
function placesBetweenWords(text: string, end: number): number[] {
  const places: number[] = []
  for (let at = end; at > end / 2 && places.length < PLACES; at--)
    if (isSpaceAt(text, at) && !isSpaceAt(text, at - 1) && !isSpaceAt(text, at + 1)) places.push(at)
  return places
}

/** For texts without white space. */
function otherPlaces(text: string, end: number): number[] {
  return Array.from({ length: 2 * PLACES }, (_, i) => codePointStart(text, end - i))
}

function isSpaceAt(text: string, at: number): boolean {
  return SPACE.test(text[at] ?? '')
}

/** `at`, or the place before it where that is inside a code point. */
export function codePointStart(text: string, at: number): number {
  const code = text.charCodeAt(at)
  return code >= 0xdc00 && code <= 0xdfff ? at - 1 : at
}

function isEqual(a: Int32Array, b: Int32Array): boolean {
  return a.length === b.length && a.every((id, i) => id === b[i])
}
