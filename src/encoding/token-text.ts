import type { Tokenizer } from '../tokenizer/tokenizer.ts'

/** Unicode code points of a text; `.length` would count UTF-16 units. */
export function codePointCount(text: string): number {
  let count = 0
  for (const _ of text) count++
  return count
}

/** The bytes that a token stands for in a text. Where control tokens were parsed out of the text they stand for their spelling. */
export function bytesOfId(tokenizer: Tokenizer, id: number, spellControls = false): Uint8Array {
  const control = spellControls ? tokenizer.info.specials.get(id) : undefined
  return control === undefined ? tokenizer.bytesOf(id) : Buffer.from(control)
}

/** The bytes that the ids spell, one after the other. */
export function bytesOfIds(tokenizer: Tokenizer, ids: Int32Array, spellControls = false): Uint8Array {
  return Buffer.concat(Array.from(ids, (id) => bytesOfId(tokenizer, id, spellControls)))
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

/** UTF-8 text; bytes that are part of a character are shown as U+FFFD. */
export function displayText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8')
}

/** A token for reading, control tokens as they are spelled; `bytes` is base64. */
export function tokenText(id: number, tokenizer: Tokenizer): { id: number; text: string; bytes: string } {
  const bytes = bytesOfId(tokenizer, id, true)
  return { id, text: displayText(bytes), bytes: Buffer.from(bytes).toString('base64') }
}
