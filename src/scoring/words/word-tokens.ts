import { isWhiteSpace } from './white-space.ts'

/** Half-open range of code points in a text. */
export interface CharRange {
  readonly start: number
  readonly end: number
}

/** A token of a text. */
export interface TextToken {
  /** The characters of which it has a byte; null if it has none, as a control token or an added space. */
  readonly range: CharRange | null
  /** Whether it is a space that the tokenizer added; it then has no range. */
  readonly isAddedSpace: boolean
}

/** The tokens of a word: `first .. end - 1`. */
export interface WordTokens {
  readonly first: number
  readonly end: number
  /** Whether one of them has characters outside the word, other than white space. */
  readonly isShared: boolean
}

/** Runs of characters between white space. `characters` has one entry per code point. */
export function wordsOf(characters: readonly string[]): CharRange[] {
  const words: CharRange[] = []
  let start = 0
  for (let i = 0; i <= characters.length; i++) {
    const character = characters[i]
    if (character !== undefined && !isWhiteSpace(character)) continue
    if (i > start) words.push({ start, end: i })
    start = i + 1
  }
  return words
}

/**
 * The tokens of each word, of words in order that do not overlap. White space belongs to the word after it, because
 * most tokenizers put it at the start of a token; behind the last word it belongs to none. Null for a word that
 * has no characters but white space, or no token.
 */
export function tokensOfWords(characters: readonly string[], words: readonly CharRange[], tokens: readonly TextToken[]): (WordTokens | null)[] {
  const cores = tokens.map(({ range }) => (range === null ? null : withoutSpace(characters, range)))
  const isSpace = (i: number): boolean => tokens[i] !== undefined && cores[i] === null && (tokens[i]?.range !== null || tokens[i]?.isAddedSpace === true)
  /** One past the tokens of the word before. */
  let taken = 0
  let takenChars = 0
  return words.map((word) => {
    const core = withoutSpace(characters, word)
    if (core === null) return null
    // The last token of the word before may have the first characters of this one.
    let first = Math.max(0, taken - 1)
    while (first < tokens.length && (cores[first]?.end ?? 0) <= core.start) first++
    let end = first
    let isShared = false
    for (let i = first; i < tokens.length; i++) {
      const own = cores[i] ?? null
      if (own === null) continue
      if (own.start >= core.end) break
      isShared ||= own.start < core.start || own.end > core.end
      end = i + 1
    }
    if (end === first) return null
    while (isSpace(end) && (tokens[end]?.range?.end ?? Number.POSITIVE_INFINITY) <= word.end) end++
    while (first > taken && isSpace(first - 1) && (tokens[first - 1]?.range?.start ?? takenChars) >= takenChars) first--
    taken = end
    takenChars = word.end
    return { first, end, isShared }
  })
}

/** The range without white space at its ends; null if nothing is left. */
function withoutSpace(characters: readonly string[], { start, end }: CharRange): CharRange | null {
  let from = start
  let to = end
  while (from < to && isWhiteSpace(characters[from] ?? '')) from++
  while (to > from && isWhiteSpace(characters[to - 1] ?? '')) to--
  return from === to ? null : { start: from, end: to }
}
