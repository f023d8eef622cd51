import { isUtf8 } from 'node:buffer'
import { elementAt } from '../element-at.ts'
import type { EncodedItem, Warning } from '../encoding/encoded-item.ts'
import type { LogprobItem } from '../encoding/logprob-item.ts'
import { bytesOfId } from '../encoding/token-text.ts'
import type { RowScores } from '../engine/engine.ts'
import { rangeOf, type ScoredSequence } from '../scoring/scored-sequence.ts'
import { beginsWithWhiteSpace, endsWithWhiteSpace, isAllWhiteSpace } from '../scoring/words/white-space.ts'
import { tokensOfWords, type WordTokens, wordsOf } from '../scoring/words/word-tokens.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import { partOffsets } from './token-details.ts'

/** One word or span under `detail: "words"`. Offsets count code points of its part. */
export interface WordDetail {
  readonly part: 'x' | 'y'
  readonly text: string
  readonly char_start: number
  readonly char_end: number
  readonly tokens: number
  /** Sum over its tokens, nats; null if one of them was not scored or belongs to another word as well. */
  readonly log_prob: number | null
  readonly surprisal_bits: number | null
  /** With the probability that the word ends, and without the one that the word before ended. */
  readonly log_prob_corrected: number | null
  readonly surprisal_bits_corrected: number | null
}

interface WordSource {
  readonly item: LogprobItem
  readonly encoded: EncodedItem
  readonly sequence: ScoredSequence
  readonly rows: RowScores | null
  readonly tokenizer: Tokenizer
}

const PARTS = ['x', 'y'] as const

/** The scored words of x and y, in order and built when they are read. */
export function wordDetails(source: WordSource): Iterable<WordDetail> {
  return {
    *[Symbol.iterator](): Generator<WordDetail> {
      for (const part of PARTS) if (isScored(source.encoded, part)) yield* wordsOfPart(source, part)
    }
  }
}

/** A warning for each part whose words are missing, because its tokens do not spell its text. */
export function wordWarnings({ encoded }: Pick<WordSource, 'encoded'>): Warning[] {
  return PARTS.filter((part) => isScored(encoded, part) && !isLocated(encoded, part)).map((part) => ({
    code: 'words_not_located',
    message: `the words of ${part} are missing, because its tokens do not spell its text: the tokenizer changes the text, or token ids end within a character`
  }))
}

function isScored({ sizes, scoredStart, scoredEnd }: EncodedItem, part: 'x' | 'y'): boolean {
  const { start, end } = rangeOf(sizes, part)
  // Without a prefix token, the first token of x has no row.
  return scoredStart <= Math.max(start, 1) && end <= scoredEnd && end > start
}

function isLocated({ text }: EncodedItem, part: 'x' | 'y'): boolean {
  const { bytes } = text[part]
  return bytes !== null && isUtf8(bytes)
}

function* wordsOfPart(source: WordSource, part: 'x' | 'y'): Generator<WordDetail> {
  const { item, encoded, sequence, tokenizer } = source
  if (!isLocated(encoded, part)) return
  const { start, end } = rangeOf(sequence.sizes, part)
  const characters = Array.from(Buffer.from(encoded.text[part].bytes ?? []).toString('utf8'))
  const offsets = new Map(partOffsets(sequence, part, encoded.text[part], tokenizer))
  const tokens = Array.from({ length: end - start }, (_, i) => {
    const { char_start, char_end } = offsets.get(start + i) ?? { char_start: null, char_end: null }
    if (char_start !== null && char_end !== null) return { range: { start: char_start, end: char_end }, isAddedSpace: false }
    return { range: null, isAddedSpace: isAllWhiteSpace(bytesAt(source, start + i)) }
  })
  // Truncation drops the first tokens of x, and the words that they spell.
  const firstChar = tokens.find(({ range }) => range !== null)?.range?.start ?? 0
  const words = item.spans === undefined ? wordsOf(characters).filter((word) => word.end > firstChar) : item.spans[part]
  const located = tokensOfWords(characters, words, tokens)
  for (const [i, word] of words.entries()) {
    const own = elementAt(located, i)
    const logProb = own === null || own.isShared || word.start < firstChar ? null : sumOf(sequence.logProbs.slice(start + own.first, start + own.end))
    const corrected = own === null || logProb === null ? null : correctedOf(source, logProb, { ...own, first: start + own.first, end: start + own.end })
    yield {
      part,
      text: characters.slice(word.start, word.end).join(''),
      char_start: word.start,
      char_end: word.end,
      tokens: own === null ? 0 : own.end - own.first,
      log_prob: logProb,
      surprisal_bits: bitsOf(logProb),
      log_prob_corrected: corrected,
      surprisal_bits_corrected: bitsOf(corrected)
    }
  }
}

/**
 * log Pr(w | c) = sum of log p + log B(c w) - log B(c), where B is the probability that the next token begins a word or
 * ends the text. B is 1 where the text shows it: at its start and behind white space. Null where a boundary of the word
 * is not at white space, such as within "don't".
 */
function correctedOf(source: WordSource, logProb: number, { first, end }: WordTokens): number | null {
  const atStart = startFactor(source, first)
  const atEnd = endFactor(source, end)
  return atStart === null || atEnd === null ? null : logProb + atEnd - atStart
}

function startFactor(source: WordSource, position: number): number | null {
  const before = position === 0 ? new Uint8Array(0) : bytesAt(source, position - 1)
  if (endsWithWhiteSpace(before)) return 0
  if (beginsWithWhiteSpace(bytesAt(source, position))) return logWordStart(source, position)
  return before.length === 0 ? 0 : null
}

function endFactor(source: WordSource, position: number): number | null {
  const { ids } = source.sequence
  if (endsWithWhiteSpace(bytesAt(source, position - 1))) return 0
  const isAtEnd = position === ids.length || ids[position] === source.tokenizer.info.endId
  return isAtEnd || beginsWithWhiteSpace(bytesAt(source, position)) ? logWordStart(source, position) : null
}

/** log B in the row that predicts the token at `position`; null if that row was not computed. */
function logWordStart({ encoded, rows }: WordSource, position: number): number | null {
  const probability = rows?.detail?.wordStarts?.[position - encoded.scoredStart]
  return probability === undefined || probability <= 0 ? null : Math.log(probability)
}

/** The bytes of the token at a position, as its part spells them. */
function bytesAt({ encoded: { sizes, text }, sequence: { ids }, tokenizer }: WordSource, position: number): Uint8Array {
  const part = position < rangeOf(sizes, 'x').end ? 'x' : 'y'
  return bytesOfId(tokenizer, elementAt(ids, position), text[part].spellsControls)
}

function sumOf(logProbs: readonly (number | null)[]): number | null {
  return logProbs.reduce<number | null>((sum, logProb) => (sum === null || logProb === null ? null : sum + logProb), 0)
}

function bitsOf(logProb: number | null): number | null {
  return logProb === null ? null : -logProb / Math.LN2
}
