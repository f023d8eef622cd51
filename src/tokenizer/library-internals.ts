/**
 * Makes `@huggingface/tokenizers` agree with the tokenizers library in Rust that models are trained with. Reads and
 * replaces private fields, so package.json pins its exact version and test/tokenizer/pinned-library.test.ts tests that
 * the fields exist.
 */

import type { Tokenizer } from '@huggingface/tokenizers'

/** Ids that the post-processor adds around a text. */
export interface AddedIds {
  readonly before: readonly number[]
  readonly after: readonly number[]
}

/** Any text works, because a post-processor only sees where it begins and ends. */
const SAMPLE = 'a'

/** Encodes a sample to find the ids that the post-processor adds; none if it does anything else than add. */
export function addedIdsOf(library: Tokenizer): AddedIds {
  const own = library.encode(SAMPLE, { add_special_tokens: false }).ids as number[]
  const all = library.encode(SAMPLE, { add_special_tokens: true }).ids as number[]
  const isOwnAt = (at: number): boolean => own.every((id, i) => all[at + i] === id)
  const start = all.findIndex((_, at) => at + own.length <= all.length && isOwnAt(at))
  if (own.length === 0 || start < 0) return { before: [], after: [] }
  return { before: all.slice(0, start), after: all.slice(start + own.length) }
}

/** Fields of a pre-tokenizer in the package. Most split with a pattern; a Sequence contains others. */
interface PreTokenizerParts {
  pattern?: unknown
  readonly tokenizers?: readonly (PreTokenizerParts | null)[]
}

/**
 * Replaces `\s` in the patterns of a pre-tokenizer with Unicode's White_Space, its meaning in the tokenizers library.
 * In JavaScript `\s` includes the byte order mark U+FEFF and lacks U+0085, so texts with those would get other tokens.
 */
export function useUnicodeWhiteSpace(preTokenizer: PreTokenizerParts | null): void {
  if (preTokenizer === null) return
  const { pattern } = preTokenizer
  if (pattern instanceof RegExp && /[uv]/.test(pattern.flags)) preTokenizer.pattern = new RegExp(withUnicodeWhiteSpace(pattern.source), pattern.flags)
  for (const inner of preTokenizer.tokenizers ?? []) useUnicodeWhiteSpace(inner)
}

function withUnicodeWhiteSpace(source: string): string {
  const replacements: Readonly<Record<string, string>> = { '\\s': '\\p{White_Space}', '\\S': '\\P{White_Space}' }
  return source.replaceAll(/\\./gs, (escaped) => replacements[escaped] ?? escaped)
}

/** Fields of a decoder in the package. A Sequence contains others; ByteFallback decodes runs of byte tokens. */
interface DecoderParts {
  readonly config: { readonly type?: string }
  text_decoder?: { decode(bytes: Uint8Array): string }
  readonly decoders?: readonly (DecoderParts | null)[]
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Decodes runs of byte tokens (`<0xE4>`) as the tokenizers library does: invalid UTF-8 becomes one U+FFFD per byte, and
 * a byte order mark is kept. The package drops the mark and decodes the valid parts of a run.
 */
export function decodeBytesAsLibrary(decoder: DecoderParts | null): void {
  if (decoder === null) return
  if (decoder.config.type === 'ByteFallback') decoder.text_decoder = { decode: textOfRun }
  for (const inner of decoder.decoders ?? []) decodeBytesAsLibrary(inner)
}

function textOfRun(bytes: Uint8Array): string {
  try {
    return strictUtf8.decode(bytes)
  } catch {
    return '\ufffd'.repeat(bytes.length)
  }
}

/** A tokenizer's model in the package, a function with properties. */
export interface ModelParts {
  (words: string[]): string[]
  readonly tokens_to_ids: Map<string, number>
  readonly unk_token_id?: number
  config: object
}

/** Lets go of the parsed tokenizer.json, which the package keeps without using it again. */
export function releaseSource(library: Tokenizer): void {
  const { model } = library as unknown as { readonly model: ModelParts }
  model.config = {}
  Object.assign(library, { tokenizer: {} })
}

/** Fields of a ByteLevel pre-tokenizer in the package. */
interface ByteLevelParts {
  readonly config?: { readonly type?: string }
  readonly tokenizers?: readonly (ByteLevelParts | null)[]
  readonly byte_encoder?: Readonly<Record<number, string>>
  readonly add_prefix_space?: boolean
  readonly use_regex?: boolean
  readonly pattern?: RegExp
  pre_tokenize_text?: (text: string) => string[]
}

/** Printable ASCII is spelled as it is. */
const SPELLED_AS_IS = /^[!-~]*$/

/** Replaces the spelling of bytes in ByteLevel pre-tokenizers, which is a quarter of the time of a long word. */
export function spellBytesFast(preTokenizer: ByteLevelParts | null): void {
  if (preTokenizer === null) return
  const { byte_encoder: encoder, config } = preTokenizer
  if (config?.type === 'ByteLevel' && encoder !== undefined) {
    const unitOf = Uint16Array.from({ length: 256 }, (_, byte) => (encoder[byte] as string).charCodeAt(0))
    const spelled = (text: string): string => {
      if (SPELLED_AS_IS.test(text)) return text
      return Buffer.from(Uint16Array.from(Buffer.from(text), (byte) => unitOf[byte] as number).buffer).toString('utf16le')
    }
    preTokenizer.pre_tokenize_text = (text) => {
      const prefixed = preTokenizer.add_prefix_space === true && !text.startsWith(' ') ? ` ${text}` : text
      return (preTokenizer.use_regex === false ? [prefixed] : (prefixed.match(preTokenizer.pattern as RegExp) ?? [])).map(spelled)
    }
  }
  for (const inner of preTokenizer.tokenizers ?? []) spellBytesFast(inner)
}
