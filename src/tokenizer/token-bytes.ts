import type { AddedToken } from './added-tokens.ts'
import type { BytePairJson } from './byte-pair-encoder.ts'

/** The parts of a Hugging Face tokenizer.json that determine the bytes of its tokens. */
export interface TokenizerJson {
  readonly added_tokens?: readonly AddedToken[]
  readonly model: BytePairJson & { readonly vocab: Readonly<Record<string, number>> | readonly (readonly [string, number])[] }
  readonly decoder?: Decoder | null
  readonly normalizer?: unknown
  readonly pre_tokenizer?: unknown
}
interface Decoder {
  readonly type: string
  readonly decoders?: readonly Decoder[]
  readonly content?: string
  readonly start?: number
  readonly prepend_scheme?: string
  readonly add_prefix_space?: boolean
}

/** Bytes of every token in one array: 262,144 arrays would take 100 MiB in each thread. */
export interface TokenBytes {
  readonly bytes: Uint8Array
  /** First byte of each token, by id, then the number of bytes: (n + 1,). */
  readonly starts: Uint32Array
}

export function bytesOfToken({ bytes, starts }: TokenBytes, id: number): Uint8Array {
  return id >= 0 && id + 1 < starts.length ? bytes.subarray(starts[id], starts[id + 1]) : new Uint8Array(0)
}

/**
 * Bytes of every token, by id. Handles three spellings: byte-level BPE (GPT-2's table of 256 characters),
 * SentencePiece's `▁` for a space, and its byte fallback `<0x0A>`. Control tokens have no bytes.
 */
export function tokenBytesOf(tokenizer: TokenizerJson): TokenBytes {
  const isByteLevel = hasDecoder(tokenizer.decoder, 'ByteLevel')
  const decode = isByteLevel ? byteLevelBytes : sentencePieceBytes
  const table: Uint8Array[] = []
  const { vocab } = tokenizer.model
  const entries = isUnigramVocab(vocab) ? vocab.map(([spelling], id) => [spelling, id] as const) : Object.entries(vocab)
  for (const [spelling, id] of entries) table[id] = decode(spelling)
  for (const { id, content, special } of tokenizer.added_tokens ?? [])
    table[id] = special ? new Uint8Array(0) : Buffer.from(isByteLevel ? content : content.replaceAll('▁', ' '))
  const lengths = Array.from(table, (bytes) => bytes?.length ?? 0)
  const starts = new Uint32Array(lengths.length + 1)
  for (const [id, length] of lengths.entries()) starts[id + 1] = starts[id]! + length
  const bytes = new Uint8Array(starts.at(-1)!)
  table.forEach((own, id) => bytes.set(own, starts[id]))
  return { bytes, starts }
}

/** Largest id + 1 without the added tokens, some of which may have no logit (image placeholders). */
export function baseVocabSizeOf({ added_tokens, model: { vocab } }: TokenizerJson): number {
  const added = new Set((added_tokens ?? []).map(({ id }) => id))
  const ids = isUnigramVocab(vocab) ? vocab.keys() : Object.values(vocab)
  let size = 0
  for (const id of ids) if (id >= size && !added.has(id)) size = id + 1
  return size
}

/**
 * The text that the tokens of a text spell. In SentencePiece `▁` is always a space, even if the text itself contains
 * it.
 */
export function asTokensSpell(tokenizer: Pick<TokenizerJson, 'decoder'>, text: string): string {
  return hasDecoder(tokenizer.decoder, 'ByteLevel') ? text : text.replaceAll('▁', ' ')
}

/**
 * Whether decoding removes a space at the start of a text, which the tokenizer added (SentencePiece's dummy prefix).
 */
export function dropsLeadingSpace({ decoder }: TokenizerJson): boolean {
  const drops = (inner: Decoder): boolean =>
    (inner.decoders ?? []).some(drops) ||
    (inner.type === 'Strip' && inner.content === ' ' && (inner.start ?? 0) > 0) ||
    (inner.type === 'Metaspace' && (inner.prepend_scheme ?? 'always') !== 'never' && inner.add_prefix_space !== false)
  return decoder !== null && decoder !== undefined && drops(decoder)
}

/** Whether the pre-tokenizer adds a space at the start of a text, but not behind an added token. */
export function prefixesFirstTextOnly({ pre_tokenizer: preTokenizer }: TokenizerJson): boolean {
  return JSON.stringify(preTokenizer ?? null).includes('"prepend_scheme":"first"')
}

/** A Unigram model lists tokens with scores, in the order of their ids; other models map tokens to ids. */
export function isUnigramVocab(vocab: TokenizerJson['model']['vocab']): vocab is readonly (readonly [string, number])[] {
  return Array.isArray(vocab)
}

function hasDecoder(decoder: Decoder | null | undefined, type: string): boolean {
  if (!decoder) return false
  return decoder.type === type || (decoder.decoders ?? []).some((inner) => hasDecoder(inner, type))
}

function sentencePieceBytes(spelling: string): Uint8Array {
  const fallback = /^<0x([0-9A-F]{2})>$/.exec(spelling)
  return fallback ? Uint8Array.of(Number.parseInt(fallback[1]!, 16)) : Buffer.from(spelling.replaceAll('▁', ' '))
}

/** A spelling with a character outside the table is the text itself. */
function byteLevelBytes(spelling: string): Uint8Array {
  const bytes = Array.from(spelling, (character) => BYTE_OF_CHARACTER.get(character))
  return bytes.every((byte) => byte !== undefined) ? Uint8Array.from(bytes) : Buffer.from(spelling)
}

/** GPT-2 writes a printable byte as the character of the same code, and the others in rising order from U+0100. */
const BYTE_OF_CHARACTER: ReadonlyMap<string, number> = (() => {
  const isPrintable = (byte: number): boolean => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174
  const map = new Map<string, number>()
  let next = 256
  for (let byte = 0; byte < 256; byte++) map.set(String.fromCodePoint(isPrintable(byte) ? byte : next++), byte)
  return map
})()

const SPACE = 0x20

/**
 * First byte of each token in `text`, then the length of `text`: (n + 1,). Null if the tokens spell a different text. A
 * space that a SentencePiece tokenizer adds in front does not count.
 */
export function tokenStarts(tokens: readonly Uint8Array[], text: Uint8Array): number[] | null {
  const spelled = Buffer.concat(tokens)
  const hasAddedSpace = spelled.length === text.length + 1 && spelled[0] === SPACE
  if (Buffer.compare(hasAddedSpace ? spelled.subarray(1) : spelled, text) !== 0) return null
  let end = hasAddedSpace ? -1 : 0
  const starts = [0]
  for (const { length } of tokens) {
    end += length
    starts.push(Math.max(0, end))
  }
  return starts
}
