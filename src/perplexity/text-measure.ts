/** Lengths of a text. */
export interface TextLengths {
  readonly bytes: number
  /** Unicode code points. */
  readonly chars: number
  /** Stretches of white space + 1: Python's `len(re.split(r"\s+", text))`, which lm-evaluation-harness counts. */
  readonly words: number
}

/** White space of Python's `\s`, which has other characters than that of JavaScript. */
const WHITE_SPACE = '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]'
const STRETCH = new RegExp(`${WHITE_SPACE}+`, 'g')
const AT_START = new RegExp(`^${WHITE_SPACE}`)
const AT_END = new RegExp(`${WHITE_SPACE}$`)
const LOW_SURROGATE = /[\udc00-\udfff]/g

/** Measures a text that comes in pieces. */
export class TextMeasure {
  #bytes = 0
  #chars = 0
  #stretches = 0
  #endsInSpace = false

  /** No piece ends inside a code point. */
  add(piece: string): void {
    if (piece === '') return
    this.#bytes += Buffer.byteLength(piece)
    this.#chars += piece.length - countOf(piece, LOW_SURROGATE)
    this.#stretches += countOf(piece, STRETCH) - (this.#endsInSpace && AT_START.test(piece) ? 1 : 0)
    this.#endsInSpace = AT_END.test(piece)
  }

  get lengths(): TextLengths {
    return { bytes: this.#bytes, chars: this.#chars, words: this.#stretches + 1 }
  }
}

function countOf(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0
}

/** The words of a text as Python's `str.split` gives them. */
export function wordsOf(text: string): string[] {
  return text.split(STRETCH).filter((word) => word !== '')
}
