import type { Tokenizer } from '@huggingface/tokenizers'
import { type AddedToken, AddedTokens, type Piece } from './added-tokens.ts'

/** The parts of the package's tokenizer that encode a stretch of text. They are functions with properties. */
interface LibraryParts {
  readonly normalizer: ((text: string) => string) | null
  readonly pre_tokenizer: ((text: string, options: { readonly section_index: number }) => string[]) | null
}

/** Ids of a part of a text. */
export interface EncodedPiece extends Piece {
  readonly ids: number[]
}

/**
 * Encodes text as the tokenizers library in Rust does: at added tokens, the normalizer on each stretch between them, at
 * added tokens that are looked for in normalized text, then the model. The package instead trims white space beside
 * added tokens as JavaScript does, ignores `single_word`, and takes a text that equals a normalized added token for it.
 */
export class TextEncoder {
  readonly #parts: LibraryParts
  readonly #raw: AddedTokens
  readonly #normalized: AddedTokens
  readonly #normalizedText: AddedTokens
  readonly #idsOf: (words: string[]) => number[]

  /** `idsOf` gives the ids of the words of a pre-tokenizer. */
  constructor(library: Tokenizer, added: readonly AddedToken[], idsOf: (words: string[]) => number[]) {
    this.#parts = library as unknown as LibraryParts
    this.#idsOf = idsOf
    const { normalizer } = this.#parts
    const spellingOf = ({ content }: AddedToken): string => (normalizer === null ? content : normalizer(content))
    const normalized = added.filter(isNormalized)
    this.#raw = new AddedTokens(added.filter((token) => !isNormalized(token)))
    this.#normalized = new AddedTokens(normalized, spellingOf)
    this.#normalizedText = new AddedTokens(
      normalized.filter(({ special }) => special !== true),
      spellingOf
    )
  }

  /**
   * The parts of a text with their ids. `isText` names parts in which control tokens are text; `continues` is for a
   * text behind others, at which no prefix space is added by a tokenizer that adds one at the start of a text only.
   */
  pieces(text: string, isText: (start: number, end: number) => boolean = () => false, continues = false): EncodedPiece[] {
    const found = this.#raw.split(text, ({ special }, start, end) => special !== true || !isText(start, end))
    return found.map((piece) => {
      if (piece.token !== null) return { ...piece, ids: [piece.token.id] }
      const ids = this.#stretchIds(text.slice(piece.start, piece.end), isText(piece.start, piece.end), continues || piece.start > 0)
      return { ...piece, ids }
    })
  }

  ids(text: string, continues = false): number[] {
    return joined(this.pieces(text, undefined, continues).map(({ ids }) => ids))
  }

  /** The text that the tokens spell: normalized, and without the white space that added tokens take. */
  normalize(text: string): string {
    const { normalizer } = this.#parts
    const spelled = (piece: Piece): string => piece.token?.content ?? this.#normalizedStretch(text.slice(piece.start, piece.end), normalizer)
    return this.#raw.split(text).map(spelled).join('')
  }

  #normalizedStretch(stretch: string, normalizer: LibraryParts['normalizer']): string {
    const text = normalizer === null ? stretch : normalizer(stretch)
    return this.#normalized
      .split(text)
      .map((piece) => piece.token?.content ?? text.slice(piece.start, piece.end))
      .join('')
  }

  #stretchIds(stretch: string, hasText: boolean, continues: boolean): number[] {
    const { normalizer, pre_tokenizer: preTokenizer } = this.#parts
    const text = normalizer === null ? stretch : normalizer(stretch)
    const added = hasText ? this.#normalizedText : this.#normalized
    const parts = added.split(text).map(({ start, end, token }) => {
      if (token !== null) return [token.id]
      const part = text.slice(start, end)
      return this.#idsOf(preTokenizer === null ? [part] : preTokenizer(part, { section_index: continues || start > 0 ? 1 : 0 }))
    })
    return joined(parts)
  }
}

/** A list by itself is not copied. */
function joined(lists: readonly number[][]): number[] {
  const [first = []] = lists
  if (lists.length <= 1) return first
  const all: number[] = []
  for (const list of lists) for (const id of list) all.push(id)
  return all
}

function isNormalized({ normalized, special }: AddedToken): boolean {
  return normalized ?? special !== true
}
