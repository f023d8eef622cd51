/** Added tokens of a tokenizer.json, found in a text as the tokenizers library in Rust finds them. */

/** As tokenizer.json writes it. */
export interface AddedToken {
  readonly id: number
  readonly content: string
  readonly special?: boolean
  readonly single_word?: boolean
  /** Whether the token takes the white space in front of it, or behind it. */
  readonly lstrip?: boolean
  readonly rstrip?: boolean
  /** Whether the token is looked for in the normalized text. */
  readonly normalized?: boolean
}

/** A part of a text, in UTF-16 units: an added token with the white space that it takes, or text without `token`. */
export interface Piece {
  readonly start: number
  readonly end: number
  readonly token: AddedToken | null
}

const SPACE_END = /\p{White_Space}$/u
const SPACE_START = /^\p{White_Space}+/u
const WORD_END = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u
const WORD_START = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u

interface Node {
  readonly next: Map<string, Node>
  token: AddedToken | null
}

/** Finds added tokens: from left to right, and the longest where several begin. */
export class AddedTokens {
  readonly #root: Node = { next: new Map(), token: null }
  /** By UTF-16 unit: 1 where a token begins with it. */
  readonly #begins = new Uint8Array(2 ** 16)

  /** `spellingOf` is the text that a token is looked for by. */
  constructor(tokens: readonly AddedToken[], spellingOf = ({ content }: AddedToken): string => content) {
    for (const token of tokens) {
      let node = this.#root
      for (const unit of spellingOf(token).split('')) {
        const next = node.next.get(unit) ?? { next: new Map(), token: null }
        node.next.set(unit, next)
        node = next
      }
      if (node !== this.#root) node.token = token
    }
    for (const unit of this.#root.next.keys()) this.#begins[unit.charCodeAt(0)] = 1
  }

  /** Splits a text. A token for which `mayBe` is false at its position is text. */
  split(text: string, mayBe: (token: AddedToken, start: number, end: number) => boolean = () => true): Piece[] {
    const pieces: Piece[] = []
    let at = 0
    let from = 0
    while (from < text.length) {
      if (this.#begins[text.charCodeAt(from)] === 0) {
        from++
        continue
      }
      const found = this.#longestAt(text, from)
      if (found === null || !mayBe(found.token, from, found.end)) {
        from++
        continue
      }
      const piece = bounds(text, found.token, from, found.end, at)
      if (piece === null) {
        from = found.end
        continue
      }
      // A token inside the white space that the one before it takes is found all the same, and ends that one.
      const before = pieces.at(-1)
      if (before !== undefined && before.end > piece.start) pieces[pieces.length - 1] = { ...before, end: piece.start }
      else if (piece.start > at) pieces.push({ start: at, end: piece.start, token: null })
      pieces.push(piece)
      at = piece.end
      from = found.end
    }
    if (at < text.length) pieces.push({ start: at, end: text.length, token: null })
    return pieces
  }

  #longestAt(text: string, start: number): { readonly token: AddedToken; readonly end: number } | null {
    let longest = null
    let node = this.#root.next.get(text.charAt(start))
    for (let end = start + 1; node !== undefined; end++) {
      if (node.token !== null) longest = { token: node.token, end }
      node = node.next.get(text.charAt(end))
    }
    return longest
  }
}

/** The token with the white space that it takes; null if it has to be a word and is not. */
function bounds(text: string, token: AddedToken, start: number, end: number, at: number): Piece | null {
  if (token.single_word === true && (WORD_END.test(lastCharacter(text, start)) || WORD_START.test(text.slice(end, end + 2)))) return null
  let first = start
  if (token.lstrip === true) while (first > at && SPACE_END.test(text.slice(first - 1, first))) first--
  const last = token.rstrip === true ? end + (SPACE_START.exec(text.slice(end))?.[0].length ?? 0) : end
  return { start: first, end: last, token }
}

function lastCharacter(text: string, end: number): string {
  const unit = text.slice(Math.max(0, end - 1), end)
  return /[\udc00-\udfff]/.test(unit) ? text.slice(end - 2, end) : unit
}
