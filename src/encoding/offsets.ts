import { isUtf8 } from 'node:buffer'
import { elementAt } from '../element-at.ts'
import type { PartText } from './spelling.ts'

/** Half-open range of a token in the text of its part, in UTF-8 bytes and in code points; null where it has none. */
export interface Offsets {
  readonly byte_start: number | null
  readonly byte_end: number | null
  readonly char_start: number | null
  readonly char_end: number | null
}

export const NO_OFFSETS: Offsets = { byte_start: null, byte_end: null, char_start: null, char_end: null }

/**
 * Offsets of consecutive tokens, given the byte length of each. The character range covers every character of which the
 * token has a byte, so tokens that share a character overlap. Character offsets are null where the bytes are not UTF-8.
 */
export function offsetsOf({ bytes, start }: Pick<PartText, 'bytes' | 'start'>, tokenLengths: readonly number[]): Offsets[] {
  if (bytes === null) return tokenLengths.map(() => NO_OFFSETS)
  const hasCharacters = isUtf8(bytes)
  let at = start
  let countedBytes = 0
  let characters = 0
  /** Code points that start before byte `end`; `end` must not decrease between calls. */
  const charactersBefore = (end: number): number => {
    for (; countedBytes < end; countedBytes++) if ((elementAt(bytes, countedBytes) & 0xc0) !== 0x80) characters++
    return characters
  }
  return tokenLengths.map((length) => {
    const from = Math.max(0, at)
    at += length
    const to = Math.max(0, at)
    if (from === to) return NO_OFFSETS
    if (!hasCharacters) return { ...NO_OFFSETS, byte_start: from, byte_end: to }
    const charStart = charactersBefore(from + 1) - 1
    return { byte_start: from, byte_end: to, char_start: charStart, char_end: charactersBefore(to) }
  })
}
