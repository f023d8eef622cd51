import { bytesOfId, displayText } from '../logprob/text-length.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import { codePointIndices } from './code-points.ts'
import type { EncodedPrompt } from './encode-prompts.ts'

const SPACE = 0x20
const NO_BYTES = new Uint8Array(0)

/** A text as tokens spell it. */
export interface SpelledText {
  readonly text: string
  /** For each token the code point in `text` that holds its first byte. */
  readonly offsets: readonly number[]
}

/** How a token reads: control tokens as they are spelled, bytes of half a character as U+FFFD. The one function for all places that name tokens. */
export function tokenString(tokenizer: Tokenizer, id: number, asId: boolean): string {
  if (asId) return `token_id:${id}`
  const known = textsOf(tokenizer)
  const text = known.get(id) ?? displayText(bytesOfId(tokenizer, id, true))
  known.set(id, text)
  return text
}

/** Texts by id, at most one for each of the vocabulary: an answer may name a million tokens. */
const TEXTS = new WeakMap<Tokenizer, Map<number, string>>()

function textsOf(tokenizer: Tokenizer): Map<number, string> {
  const known = TEXTS.get(tokenizer) ?? new Map<number, string>()
  TEXTS.set(tokenizer, known)
  return known
}

/**
 * The text of a prompt and of the token generated after it, if any. What the post-processor added is no part of it, nor
 * is the space that a SentencePiece tokenizer puts in front of a text.
 */
export function spelledPrompt({ ids, addedBefore, addedAfter }: EncodedPrompt, generatedId: number | null, tokenizer: Tokenizer): SpelledText {
  const own = Array.from(ids, (id, i) => (i < addedBefore || i >= ids.length - addedAfter ? NO_BYTES : bytesOfId(tokenizer, id, true)))
  const pieces = generatedId === null ? own : [...own, bytesOfId(tokenizer, generatedId, true)]
  const spelled = Buffer.concat(pieces)
  const dropped = tokenizer.facts.dropsLeadingSpace && spelled[0] === SPACE ? 1 : 0
  const bytes = spelled.subarray(dropped)
  const indices = codePointIndices(bytes)
  let start = -dropped
  const offsets = pieces.map(({ length }) => {
    const offset = indices[Math.max(0, start)]!
    start += length
    return offset
  })
  return { text: displayText(bytes), offsets }
}

/** The generated token by itself. */
export function spelledToken(id: number, tokenizer: Tokenizer): SpelledText {
  return { text: displayText(bytesOfId(tokenizer, id, true)), offsets: [0] }
}
