import { ServiceError } from '../errors.ts'
import { isSliceOver, nextSlice, pauseIfLong } from '../event-loop.ts'
import { keepAllNumberKinds, keepNumberKinds } from './number-kinds.ts'
import { BACKSLASH, CLOSE_ARRAY, CLOSE_OBJECT, COMMA, type JsonLimits, JsonStructure, OPEN_ARRAY, OPEN_OBJECT, PORTION_BYTES, QUOTE } from './structure.ts'

/** Bytes that are scanned between two looks at the clock. */
const SCANNED_BYTES = 65_536

/**
 * The value of a JSON text in UTF-8: what JSON.parse returns, in slices, so that 32 MB do not block the event loop.
 * Throws a SyntaxError for invalid JSON, and what `JsonStructure` throws.
 */
export async function parseJson(bytes: Buffer, limits: JsonLimits, portionBytes = PORTION_BYTES): Promise<unknown> {
  const structure = new JsonStructure(bytes, limits, portionBytes)
  while (structure.scan(SCANNED_BYTES)) if (isSliceOver()) await nextSlice()
  if (!structure.isBalanced) throw invalid()
  if (structure.blanks.length > 0) return parseJson(withoutBlanks(bytes, structure.blanks), limits, portionBytes)
  return new PortionParser(bytes, structure.ends, portionBytes).value(0, bytes.length)
}

/** Checks the structure of one line, and parses it at once. Throws as `parseJson` does. */
export function parseJsonLine(line: string): unknown {
  const bytes = Buffer.from(line)
  const structure = new JsonStructure(bytes, NO_LIMITS)
  structure.scan(bytes.length)
  const value: unknown = JSON.parse(line)
  for (const _ of keepNumberKinds(bytes, value));
  return value
}

/** Parts of all JSON texts that one request contains as strings. Parsing them blocks the event loop, some 2 us each. */
const MAX_NESTED_PARTS = 65_536

/**
 * Reads the JSON texts of one request that chat templates read, with the kinds of their numbers. The returned function
 * throws as `parseJson` does, and `body_too_large` when the texts so far have too many parts.
 */
export function templateJsonReader(): (text: string) => unknown {
  let partCount = 0
  return (text) => {
    const bytes = Buffer.from(text)
    const structure = new JsonStructure(bytes, NO_LIMITS)
    structure.scan(bytes.length)
    partCount += structure.partCount
    if (partCount > MAX_NESTED_PARTS)
      throw new ServiceError('body_too_large', `JSON texts may have ${MAX_NESTED_PARTS} values and keys in one request: send objects, or fewer values`)
    const reading = keepAllNumberKinds(bytes, JSON.parse(text))
    for (;;) {
      const { done, value } = reading.next()
      if (done === true) return value
    }
  }
}

/** For texts whose parts are limited elsewhere. */
export const NO_LIMITS: JsonLimits = {
  containers: Number.POSITIVE_INFINITY,
  strings: Number.POSITIVE_INFINITY,
  values: Number.POSITIVE_INFINITY,
  decimals: Number.POSITIVE_INFINITY,
  textBytes: Number.POSITIVE_INFINITY
}

function withoutBlanks(bytes: Buffer, blanks: JsonStructure['blanks']): Buffer {
  const ends = [...blanks.map(({ start }) => start), bytes.length]
  return Buffer.concat(ends.map((end, i) => bytes.subarray(blanks[i - 1]?.end ?? 0, end)))
}

function invalid(): SyntaxError {
  return new SyntaxError('invalid JSON')
}

type Members = Record<string, unknown>

/**
 * Parses large objects and lists in portions of members or elements, each with JSON.parse. The brackets of the text
 * match, and `ends` has the end of each large part.
 */
class PortionParser {
  readonly #bytes: Buffer
  readonly #ends: ReadonlyMap<number, number>
  readonly #portionBytes: number

  constructor(bytes: Buffer, ends: ReadonlyMap<number, number>, portionBytes: number) {
    this.#bytes = bytes
    this.#ends = ends
    this.#portionBytes = portionBytes
  }

  /** The value in the range, with nothing but white space around it. */
  async value(from: number, to: number): Promise<unknown> {
    const start = this.#skipSpace(from, to)
    const end = this.#ends.get(start)
    const first = this.#bytes[start]
    // A long text is parsed at once, which takes some milliseconds per megabyte.
    if (end === undefined || first === QUOTE) return JSON.parse(this.#text(start, to))
    if (this.#skipSpace(end, to) !== to) throw invalid()
    return first === OPEN_ARRAY ? this.#list(start + 1, end - 1) : this.#object(start + 1, end - 1)
  }

  async #list(from: number, to: number): Promise<unknown[]> {
    const list: unknown[] = []
    if (this.#skipSpace(from, to) === to) return list
    for (const { start, end, isLarge } of this.#portions(from, to)) {
      if (isLarge) list.push(await this.value(start, end))
      else {
        const elements = JSON.parse(`[${this.#text(start, end)}]`) as unknown[]
        if (elements.length === 0) throw invalid()
        for (const element of elements) list.push(element)
      }
      await pauseIfLong()
    }
    return list
  }

  async #object(from: number, to: number): Promise<Members> {
    const object: Members = {}
    if (this.#skipSpace(from, to) === to) return object
    for (const { start, end, isLarge } of this.#portions(from, to)) {
      if (isLarge) {
        const valueStart = this.#largeStart(start, end)
        const [key] = Object.keys(JSON.parse(`{${this.#text(start, valueStart)}null}`) as Members)
        if (key === undefined) throw invalid()
        object[key] = await this.value(valueStart, end)
      } else {
        const members = JSON.parse(`{${this.#text(start, end)}}`) as Members
        if (Object.keys(members).length === 0) throw invalid()
        Object.assign(object, members)
      }
      await pauseIfLong()
    }
    return object
  }

  /**
   * Cuts the content of an object or list at its own commas: into single entries that contain a large part, and into
   * portions of other entries.
   */
  *#portions(from: number, to: number): Generator<{ start: number; end: number; isLarge: boolean }> {
    const bytes = this.#bytes
    let start = from
    let entryStart = from
    let isLarge = false
    let depth = 0
    for (let at = from; at < to; at++) {
      const byte = bytes[at]
      const end = byte === QUOTE || byte === OPEN_OBJECT || byte === OPEN_ARRAY ? this.#ends.get(at) : undefined
      if (end !== undefined) {
        isLarge = true
        at = end - 1
      } else if (byte === QUOTE) at = this.#endOfString(at) - 1
      else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth++
      else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) depth--
      else if (byte === COMMA && depth === 0) {
        if (isLarge && entryStart > start) yield { start, end: entryStart - 1, isLarge: false }
        if (isLarge) yield { start: entryStart, end: at, isLarge }
        else if (at - start > this.#portionBytes) yield { start, end: at, isLarge }
        else {
          entryStart = at + 1
          continue
        }
        start = at + 1
        entryStart = start
        isLarge = false
      }
    }
    if (isLarge && entryStart > start) yield { start, end: entryStart - 1, isLarge: false }
    yield { start: isLarge ? entryStart : start, end: to, isLarge }
  }

  /** First byte of the large value of a member: the key itself may be large too. */
  #largeStart(from: number, to: number): number {
    const keyStart = this.#skipSpace(from, to)
    if (this.#bytes[keyStart] !== QUOTE) throw invalid()
    const colon = this.#skipSpace(this.#ends.get(keyStart) ?? this.#endOfString(keyStart), to)
    return this.#skipSpace(colon + 1, to)
  }

  #text(start: number, end: number): string {
    return this.#bytes.toString('utf8', start, end)
  }

  #skipSpace(from: number, to: number): number {
    let at = from
    while (at < to && (this.#bytes[at] === 0x20 || this.#bytes[at] === 0x0a || this.#bytes[at] === 0x0d || this.#bytes[at] === 0x09)) at++
    return at
  }

  /** Position after the closing quote. */
  #endOfString(start: number): number {
    let at = start + 1
    while (at < this.#bytes.length && this.#bytes[at] !== QUOTE) at += this.#bytes[at] === BACKSLASH ? 2 : 1
    return at + 1
  }
}
