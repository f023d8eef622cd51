import type { Warning } from './encoded-item.ts'

/** Letters of scripts that separate words by spaces. Chinese, Japanese and Thai do not, and Korean joins particles. */
const LETTER =
  '[\\p{Script=Latin}\\p{Script=Greek}\\p{Script=Cyrillic}\\p{Script=Armenian}\\p{Script=Georgian}\\p{Script=Hebrew}\\p{Script=Arabic}\\p{Script=Devanagari}]'
/** Longer runs of letters are no words. */
const MAX_WORD = 40
/** A last word with nothing but letters, apostrophes and hyphens after white space: no part of code or of a link. */
const LAST_WORD = new RegExp(`(?:^|[\\s"“‘(])((?:${LETTER}|[\\p{M}'’-]){0,${MAX_WORD - 1}}${LETTER}\\p{M}*)$`, 'u')
/** The same at the start, with the punctuation of a sentence behind it. */
const FIRST_WORD = new RegExp(`^(${LETTER}(?:${LETTER}|[\\p{M}'’-]){0,${MAX_WORD - 1}})(?:[.,;:!?)"”’…]*(?:\\s|$))`, 'u')
/** A space in front of a word belongs to its first token. */
const BEFORE = ' '

/** The end of x and the start of y, as one word and as two. */
export interface WordsAtBoundary {
  readonly glued: string
  readonly spaced: string
}

/** The words that meet without a space between x and y; null if no letter meets a letter, or they are no words. */
export function wordsAtBoundary(x: string, y: string): WordsAtBoundary | null {
  const last = LAST_WORD.exec(x.slice(-MAX_WORD - 2))?.[1]
  const first = last === undefined ? undefined : FIRST_WORD.exec(y.slice(0, MAX_WORD + 10))?.[1]
  if (last === undefined || first === undefined) return null
  return { glued: `${BEFORE}${last}${first}`, spaced: `${BEFORE}${last} ${first}` }
}

/**
 * The warning that a space seems to be missing, if the tokenizer needs no more tokens with it: then it knows both
 * words, and not the two glued together. It needs more where y goes on with a word that x begins.
 */
export function missingSpace(gluedTokens: number, spacedTokens: number): Warning[] {
  if (spacedTokens > gluedTokens) return []
  return [
    {
      code: 'missing_space',
      message:
        'x ends and y begins with a letter, and the tokenizer has other tokens for a word after a space: if y is a new word, begin it with a space; nothing was changed'
    }
  ]
}
