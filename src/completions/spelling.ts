import { bytesOfId, displayText } from '../encoding/token-text.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
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
  const dropped = tokenizer.info.dropsLeadingSpace && spelled[0] === SPACE ? 1 : 0
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

/**
 * For every byte the index of the character that it belongs to, when the bytes are decoded as UTF-8 with U+FFFD for
 * what is no character: (n + 1,), where the last entry counts the characters. Follows the WHATWG decoder, as Node does:
 * the longest beginning of a character that breaks off is one U+FFFD.
 */
export function codePointIndices(bytes: Uint8Array): Int32Array {
  const indices = new Int32Array(bytes.length + 1)
  let at = 0
  let count = 0
  while (at < bytes.length) {
    const end = at + characterLength(bytes, at)
    indices.fill(count, at, end)
    at = end
    count++
  }
  indices[bytes.length] = count
  return indices
}

/** Bytes of the character, or of the broken one, that begins at a byte. Table 3-7 of the Unicode Standard. */
function characterLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] ?? 0
  const expected = lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 1
  let length = 1
  while (length < expected) {
    const byte = bytes[at + length]
    const [lowest, highest] = length === 1 ? secondByteRange(lead) : [0x80, 0xbf]
    if (byte === undefined || byte < lowest || byte > highest) break
    length++
  }
  return length
}

function secondByteRange(lead: number): readonly [number, number] {
  if (lead === 0xe0) return [0xa0, 0xbf]
  if (lead === 0xed) return [0x80, 0x9f]
  if (lead === 0xf0) return [0x90, 0xbf]
  if (lead === 0xf4) return [0x80, 0x8f]
  return [0x80, 0xbf]
}
