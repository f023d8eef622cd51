import type { PreTrainedTokenizer } from '@huggingface/transformers'

/** Ids that a tokenizer's post-processor puts around a text. */
interface AddedTokens {
  readonly before: readonly number[]
  readonly after: readonly number[]
}

/** Any text would do: a post-processor knows only where it begins and ends. */
const TEXT = 'a'

/** What the post-processor of a tokenizer adds to a text, found by looking; nothing where it does something else than add. */
export function addedTokensOf(tokenizer: PreTrainedTokenizer): AddedTokens {
  const own = tokenizer.encode(TEXT, { add_special_tokens: false })
  const all = tokenizer.encode(TEXT, { add_special_tokens: true })
  const isOwnAt = (at: number): boolean => own.every((id, i) => all[at + i] === id)
  const start = all.findIndex((_, at) => at + own.length <= all.length && isOwnAt(at))
  if (own.length === 0 || start < 0) return { before: [], after: [] }
  return { before: all.slice(0, start), after: all.slice(start + own.length) }
}

/** An added token as far as the normalizer has to know it. */
interface AddedToken {
  readonly content: string
  readonly normalized?: boolean
}

/**
 * The text as the tokenizer's normalizer leaves it, before it is cut into tokens. Added tokens are looked for first and
 * stay as they are, and each stretch between them is normalized by itself.
 */
export function normalizedText(text: string, addedTokens: readonly AddedToken[], normalize: (stretch: string) => string): string {
  const untouched = addedTokens.filter(({ content, normalized }) => content !== '' && normalized !== true).map(({ content }) => content)
  if (untouched.length === 0) return text === '' ? '' : normalize(text)
  const pattern = untouched
    .sort((a, b) => b.length - a.length)
    .map((content) => content.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('|')
  return text
    .split(new RegExp(`(${pattern})`))
    .map((stretch, i) => (i % 2 === 1 || stretch === '' ? stretch : normalize(stretch)))
    .join('')
}

/** A pre-tokenizer of transformers.js as far as it matters here: most cut with a pattern, a Sequence holds others. */
interface PreTokenizerParts {
  pattern?: unknown
  readonly tokenizers?: readonly (PreTokenizerParts | null)[]
}

/**
 * Makes `\s` in the patterns of a pre-tokenizer mean Unicode's White_Space, as in the tokenizers library that models are
 * trained with. In JavaScript `\s` has the byte order mark U+FEFF too, and lacks U+0085: texts with those would be cut elsewhere.
 */
export function useUnicodeWhiteSpace(preTokenizer: PreTokenizerParts | null): void {
  if (preTokenizer === null) return
  const { pattern } = preTokenizer
  if (pattern instanceof RegExp && /[uv]/.test(pattern.flags)) preTokenizer.pattern = new RegExp(withUnicodeWhiteSpace(pattern.source), pattern.flags)
  for (const inner of preTokenizer.tokenizers ?? []) useUnicodeWhiteSpace(inner)
}

function withUnicodeWhiteSpace(source: string): string {
  const meaning: Readonly<Record<string, string>> = { '\\s': '\\p{White_Space}', '\\S': '\\P{White_Space}' }
  return source.replaceAll(/\\./gs, (escaped) => meaning[escaped] ?? escaped)
}

/** A decoder of transformers.js as far as it matters here: a Sequence holds others, ByteFallback decodes runs of bytes. */
interface DecoderParts {
  readonly config: { readonly type?: string }
  text_decoder?: { decode(bytes: Uint8Array): string }
  readonly decoders?: readonly (DecoderParts | null)[]
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Makes runs of byte tokens (`<0xE4>`) the text that the tokenizers library makes of them: a run that is no UTF-8 is one
 * U+FFFD for each of its bytes, and a byte-order mark is kept. transformers.js drops the mark and saves what it can of a run.
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
