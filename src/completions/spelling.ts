import { elementAt } from '../element-at.ts'
import { bytesOfId, displayText } from '../encoding/token-text.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import type { EncodedPrompt } from './encode-prompts.ts'

const SPACE = 0x20
const NO_BYTES = new Uint8Array(0)

/** The text that tokens spell. */
export interface SpelledText {
  readonly text: string
  /** Per token: index of the code point in `text` that contains its first byte. */
  readonly offsets: readonly number[]
}

/**
 * The name of a token in every list of a response: control tokens as they are spelled, incomplete characters as U+FFFD.
 */
export function tokenString(tokenizer: Tokenizer, id: number, asId: boolean): string {
  if (asId) return `token_id:${id}`
  const texts = TEXTS.get(tokenizer) ?? new Map<number, string>()
  TEXTS.set(tokenizer, texts)
  const text = texts.get(id) ?? displayText(bytesOfId(tokenizer, id, true))
  texts.set(id, text)
  return text
}

/** Token texts by id, because one response may name a million tokens. At most one per id of the vocabulary. */
const TEXTS = new WeakMap<Tokenizer, Map<number, string>>()

/**
 * The text of a prompt and of the token generated after it, if any. Excludes the tokens that the post-processor added
 * and the leading space that a SentencePiece tokenizer adds.
 */
export function spelledPrompt({ ids, addedBefore, addedAfter }: EncodedPrompt, generatedId: number | null, tokenizer: Tokenizer): SpelledText {
  const own = Array.from(ids, (id, i) => (i < addedBefore || i >= ids.length - addedAfter ? NO_BYTES : bytesOfId(tokenizer, id, true)))
  const tokenBytes = generatedId === null ? own : [...own, bytesOfId(tokenizer, generatedId, true)]
  const spelled = Buffer.concat(tokenBytes)
  const dropped = tokenizer.info.dropsLeadingSpace && spelled[0] === SPACE ? 1 : 0
  const bytes = spelled.subarray(dropped)
  const indices = codePointIndices(bytes)
  let start = -dropped
  const offsets = tokenBytes.map(({ length }) => {
    const offset = elementAt(indices, Math.max(0, start))
    start += length
    return offset
  })
  return { text: displayText(bytes), offsets }
}

/** The text of the generated token alone. */
export function spelledToken(id: number, tokenizer: Tokenizer): SpelledText {
  return { text: displayText(bytesOfId(tokenizer, id, true)), offsets: [0] }
}

/**
 * (n + 1,) For each byte the index of its code point in the decoded text; the last entry is the number of code points.
 * Invalid bytes decode to U+FFFD as in the WHATWG decoder, which Node uses: the longest valid start of an incomplete
 * character becomes one U+FFFD.
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

/** Bytes of the complete or incomplete character that starts at `at`. Table 3-7 of the Unicode Standard. */
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
