import { isSliceOver, nextSlice } from '../event-loop.ts'
import { BACKSLASH, CLOSE_ARRAY, CLOSE_OBJECT, COMMA, OPEN_ARRAY, OPEN_OBJECT, QUOTE } from './structure.ts'

/** Where a text stops being JSON. */
export interface FaultPlace {
  /** Offset of the first byte that cannot be part of it, from 0; the length of the text if it ends too early. */
  readonly byte: number
  /** From 1. */
  readonly line: number
  /** In characters of its line, from 1. */
  readonly column: number
  readonly isAtEnd: boolean
}

const COLON = 0x3a
const LINE_FEED = 0x0a
/** What may come next. */
type Expected = 'value' | 'value or ]' | 'key' | 'key or }' | ':' | ', or end'

const ESCAPE = /^\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/
const LITERAL = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)/
/** Longest run of bytes that a number may have here; `JsonStructure` refuses longer ones. */
const LITERAL_BYTES = 4096

/**
 * Where the bytes, valid UTF-8 that JSON.parse has refused, stop being JSON. Null when they are JSON. JSON.parse itself
 * names the place only in some versions of Node, for some faults, and by quoting the text.
 */
export async function locateFault(bytes: Buffer): Promise<FaultPlace | null> {
  const open: number[] = []
  let expected: Expected = 'value'
  let at = 0
  for (;;) {
    if (isSliceOver()) await nextSlice()
    at = skipSpace(bytes, at)
    const byte = bytes[at]
    if (byte === undefined) return expected === ', or end' && open.length === 0 ? null : placeOf(bytes, at)
    if (expected === ', or end') {
      const inside = open.at(-1)
      if (byte === COMMA && inside !== undefined) expected = inside === OPEN_OBJECT ? 'key' : 'value'
      else if (byte === closing(inside)) open.pop()
      else return placeOf(bytes, at)
      at++
    } else if (expected === ':') {
      if (byte !== COLON) return placeOf(bytes, at)
      expected = 'value'
      at++
    } else if ((expected === 'value or ]' && byte === CLOSE_ARRAY) || (expected === 'key or }' && byte === CLOSE_OBJECT)) {
      open.pop()
      expected = ', or end'
      at++
    } else if (byte === QUOTE) {
      const { end, isWhole } = stringAt(bytes, at)
      if (!isWhole) return placeOf(bytes, end)
      expected = expected.startsWith('key') ? ':' : ', or end'
      at = end
    } else if (expected.startsWith('key')) return placeOf(bytes, at)
    else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      open.push(byte)
      expected = byte === OPEN_OBJECT ? 'key or }' : 'value or ]'
      at++
    } else {
      const [literal] = LITERAL.exec(bytes.toString('latin1', at, at + LITERAL_BYTES)) ?? []
      if (literal === undefined) return placeOf(bytes, at)
      expected = ', or end'
      at += literal.length
    }
  }
}

function closing(open: number | undefined): number | undefined {
  if (open === undefined) return undefined
  return open === OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_ARRAY
}

function skipSpace(bytes: Buffer, from: number): number {
  let at = from
  while (bytes[at] === 0x20 || bytes[at] === LINE_FEED || bytes[at] === 0x0d || bytes[at] === 0x09) at++
  return at
}

/** The end of the string whose quote is at `start`, or its first byte that JSON does not allow. */
function stringAt(bytes: Buffer, start: number): { readonly end: number; readonly isWhole: boolean } {
  for (let at = start + 1; ; ) {
    const byte = bytes[at]
    if (byte === undefined || byte < 0x20) return { end: at, isWhole: false }
    if (byte === QUOTE) return { end: at + 1, isWhole: true }
    if (byte === BACKSLASH) {
      const [sequence] = ESCAPE.exec(bytes.toString('latin1', at, at + 6)) ?? []
      if (sequence === undefined) return { end: at, isWhole: false }
      at += sequence.length
    } else at++
  }
}

function placeOf(bytes: Buffer, byte: number): FaultPlace {
  let line = 1
  let lineStart = 0
  for (let at = bytes.indexOf(LINE_FEED); at >= 0 && at < byte; at = bytes.indexOf(LINE_FEED, lineStart)) {
    line++
    lineStart = at + 1
  }
  let column = 1
  // Bytes 10xxxxxx continue a character.
  for (let at = lineStart; at < byte; at++) if (((bytes[at] as number) & 0xc0) !== 0x80) column++
  return { byte, line, column, isAtEnd: byte >= bytes.length }
}

/** A place in words: ` at line 3, column 17 (byte 245)`; without the line where the text is one line of a body. */
export function placeInWords({ byte, line, column, isAtEnd }: FaultPlace, noun: 'body' | 'line'): string {
  if (isAtEnd) return `: it ends at byte ${byte}, before it is complete`
  return ` at ${noun === 'body' ? `line ${line}, ` : ''}column ${column} (byte ${byte})`
}
