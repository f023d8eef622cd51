/** The parts of a Hugging Face tokenizer.json that say which bytes a token stands for. */
export interface TokenizerJson {
  readonly added_tokens?: readonly { readonly id: number; readonly content: string; readonly special?: boolean; readonly normalized?: boolean }[]
  readonly model: { readonly vocab: Readonly<Record<string, number>> | readonly (readonly [string, number])[]; readonly unk_token?: string | null }
  readonly decoder?: Decoder | null
  readonly normalizer?: unknown
}
interface Decoder {
  readonly type: string
  readonly decoders?: readonly Decoder[]
  readonly content?: string
  readonly start?: number
  readonly prepend_scheme?: string
  readonly add_prefix_space?: boolean
}

/**
 * Bytes of every token id. Three spellings are known: byte-level BPE (GPT-2's table of 256 stand-in characters),
 * SentencePiece's `▁` for a space, and its byte fallback `<0x0A>`. Control tokens stand for no bytes.
 */
export function tokenBytesOf(tokenizer: TokenizerJson): Uint8Array[] {
  const decode = hasDecoder(tokenizer.decoder, 'ByteLevel') ? byteLevelBytes : sentencePieceBytes
  const table: Uint8Array[] = []
  const { vocab } = tokenizer.model
  const entries = isPieceList(vocab) ? vocab.map(([piece], id) => [piece, id] as const) : Object.entries(vocab)
  for (const [piece, id] of entries) table[id] = decode(piece)
  for (const { id, content, special } of tokenizer.added_tokens ?? []) table[id] = special ? new Uint8Array(0) : Buffer.from(content)
  return Array.from(table, (bytes) => bytes ?? new Uint8Array(0))
}

/** Text as this tokenizer's pieces spell it: SentencePiece's `▁` is a space, whether the text or the tokenizer wrote it. */
export function asPiecesSpell(tokenizer: TokenizerJson, text: string): string {
  return hasDecoder(tokenizer.decoder, 'ByteLevel') ? text : text.replaceAll('▁', ' ')
}

/** Whether the decoder takes one space off the start of a text, because the tokenizer put it there (SentencePiece's dummy prefix). */
export function dropsLeadingSpace({ decoder }: TokenizerJson): boolean {
  const drops = (inner: Decoder): boolean =>
    (inner.decoders ?? []).some(drops) ||
    (inner.type === 'Strip' && inner.content === ' ' && (inner.start ?? 0) > 0) ||
    (inner.type === 'Metaspace' && (inner.prepend_scheme ?? 'always') !== 'never' && inner.add_prefix_space !== false)
  return decoder !== null && decoder !== undefined && drops(decoder)
}

/** A Unigram model lists pieces with scores, in the order of their ids; the others map pieces to ids. */
export function isPieceList(vocab: TokenizerJson['model']['vocab']): vocab is readonly (readonly [string, number])[] {
  return Array.isArray(vocab)
}

function hasDecoder(decoder: Decoder | null | undefined, type: string): boolean {
  if (!decoder) return false
  return decoder.type === type || (decoder.decoders ?? []).some((inner) => hasDecoder(inner, type))
}

function sentencePieceBytes(piece: string): Uint8Array {
  const fallback = /^<0x([0-9A-F]{2})>$/.exec(piece)
  return fallback ? Uint8Array.of(Number.parseInt(fallback[1]!, 16)) : Buffer.from(piece.replaceAll('▁', ' '))
}

/** A piece with a character outside the table was not made from bytes: it stands for itself. */
function byteLevelBytes(piece: string): Uint8Array {
  const bytes = Array.from(piece, (character) => BYTE_OF_CHARACTER.get(character))
  return bytes.every((byte) => byte !== undefined) ? Uint8Array.from(bytes) : Buffer.from(piece)
}

/** GPT-2 writes printable bytes as themselves and the others, in rising order, as U+0100 and on. */
const BYTE_OF_CHARACTER: ReadonlyMap<string, number> = (() => {
  const isPrintable = (byte: number): boolean => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174
  const map = new Map<string, number>()
  let next = 256
  for (let byte = 0; byte < 256; byte++) map.set(String.fromCodePoint(isPrintable(byte) ? byte : next++), byte)
  return map
})()

const SPACE = 0x20

/**
 * First byte of each token in the text that the tokens spell, and the length of the text: (n + 1,). Null when they
 * spell another text. A space that a SentencePiece tokenizer puts in front of every text is not part of it.
 */
export function tokenStarts(tokens: readonly Uint8Array[], text: Uint8Array): number[] | null {
  const spelled = Buffer.concat(tokens)
  const hasOwnSpace = spelled.length === text.length + 1 && spelled[0] === SPACE
  if (Buffer.compare(hasOwnSpace ? spelled.subarray(1) : spelled, text) !== 0) return null
  let end = hasOwnSpace ? -1 : 0
  const starts = [0]
  for (const { length } of tokens) {
    end += length
    starts.push(Math.max(0, end))
  }
  return starts
}
