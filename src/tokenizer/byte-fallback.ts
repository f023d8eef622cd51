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
