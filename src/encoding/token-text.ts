import type { Tokenizer } from '../tokenizer/tokenizer.ts'

/** The token as responses show it: control tokens as they are spelled, `bytes` in base64. */
export function tokenText(id: number, tokenizer: Tokenizer): { id: number; text: string; bytes: string } {
  const bytes = bytesOfId(tokenizer, id, true)
  return { id, text: displayText(bytes), bytes: Buffer.from(bytes).toString('base64') }
}

/**
 * The bytes of a token in a text. With `spellControls`, for texts in which control tokens were parsed, a control token
 * stands for its spelling; otherwise it has no bytes.
 */
export function bytesOfId(tokenizer: Tokenizer, id: number, spellControls = false): Uint8Array {
  const control = spellControls ? tokenizer.info.specials.get(id) : undefined
  return control === undefined ? tokenizer.bytesOf(id) : Buffer.from(control)
}

export function bytesOfIds(tokenizer: Tokenizer, ids: Int32Array, spellControls = false): Uint8Array {
  let size = 0
  for (const id of ids) size += bytesOfId(tokenizer, id, spellControls).length
  const bytes = Buffer.allocUnsafe(size)
  let at = 0
  for (const id of ids) {
    const own = bytesOfId(tokenizer, id, spellControls)
    bytes.set(own, at)
    at += own.length
  }
  return bytes
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

/** Bytes as UTF-8 text; an incomplete character becomes U+FFFD. */
export function displayText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8')
}

/** Unicode code points of a text; `.length` counts UTF-16 units. */
export function codePointCount(text: string): number {
  let count = 0
  for (const _ of text) count++
  return count
}
