import { ServiceError } from '../errors.ts'

/** How many parts a JSON text may have. Each takes memory and time when it is parsed, however few bytes it has. */
export interface JsonLimits {
  /** Objects and arrays. */
  readonly containers: number
  /** Strings, keys included. */
  readonly strings: number
  /** Values of lists and objects, counted by their commas. */
  readonly values: number
  /** Numbers with a decimal point or an exponent. */
  readonly decimals: number
  /** Bytes of one text, escapes included. */
  readonly textBytes: number
}

/** No request nests deeper. */
const MAX_DEPTH = 32
/** No object of a request has more keys. */
const MAX_KEYS = 1024
/** Longer runs of bytes without structure are white space, or no number. */
const LONGEST_NUMBER = 4096
/** A part above this size is parsed in portions, so its end is noted. */
export const PORTION_BYTES = 65_536

export const QUOTE = 0x22
export const BACKSLASH = 0x5c
export const OPEN_OBJECT = 0x7b
export const CLOSE_OBJECT = 0x7d
export const OPEN_ARRAY = 0x5b
export const CLOSE_ARRAY = 0x5d
export const COMMA = 0x2c
const COLON = 0x3a
const DECIMAL_POINT = 0x2e
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf] as const

/** 1 for the bytes that matter outside strings. */
const IS_STRUCTURE = new Uint8Array(256)
for (const character of '"{}[],:.eE') IS_STRUCTURE[character.charCodeAt(0)] = 1

type Part = Exclude<keyof JsonLimits, 'textBytes'>

interface Container {
  readonly start: number
  /** The keys so far; null for an array. */
  readonly keys: Set<string> | null
  lastKey: string
}

/**
 * Scans the structure of a JSON text, some bytes at a time, and rejects what JSON.parse would accept silently (a
 * duplicate key, of which the last would win, and keys that change prototypes), a leading byte-order mark, deep
 * nesting, and more parts than a request needs. Other faults are left to JSON.parse.
 */
export class JsonStructure {
  /** Where each string, object and array above `portionBytes` ends, by its first byte. */
  readonly ends = new Map<number, number>()
  /** Long stretches of white space outside texts. Parsing them would block the event loop. */
  readonly blanks: { readonly start: number; readonly end: number }[] = []
  /** Whether brackets match. If not, the text is not valid JSON, and `ends` is incomplete. */
  isBalanced = true
  readonly #bytes: Buffer
  readonly #limits: JsonLimits
  readonly #portionBytes: number
  readonly #open: Container[] = []
  readonly #counts = { containers: 0, strings: 0, values: 0, decimals: 0 }
  #at = 0
  /** First byte after the last structural one. */
  #runStart = 0
  /** First byte of the string that contains `#at`; -1 outside strings. */
  #stringStart = -1
  /** The last string, while only white space follows it: a key if a colon follows. */
  #lastString: readonly [start: number, end: number] | null = null

  /** Objects, lists, texts and values so far. */
  get partCount(): number {
    const { containers, strings, values } = this.#counts
    return containers + strings + values
  }

  /** Throws `invalid_json` for a byte-order mark. */
  constructor(bytes: Buffer, limits: JsonLimits, portionBytes = PORTION_BYTES) {
    if (BYTE_ORDER_MARK.every((byte, i) => bytes[i] === byte))
      throw new ServiceError('invalid_json', 'the body begins with a byte-order mark, which JSON does not allow; remove it')
    this.#bytes = bytes
    this.#limits = limits
    this.#portionBytes = portionBytes
  }

  /** Scans some `count` bytes more; false at the end. Throws `invalid_json`, or `body_too_large` for too many parts. */
  scan(count: number): boolean {
    const bytes = this.#bytes
    const stop = Math.min(bytes.length, this.#at + count)
    let at = this.#at
    while (at < stop) {
      if (this.#stringStart >= 0) {
        while (at < stop && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1
        if (at < stop) this.#endString(++at)
        continue
      }
      while (at < stop && IS_STRUCTURE[bytes[at]!] === 0) at++
      if (at === stop) break
      if (at - this.#runStart > LONGEST_NUMBER) this.#endRun(at)
      this.#take(bytes[at]!, at++)
      this.#runStart = at
    }
    this.#at = at
    if (this.#stringStart >= 0 && at - this.#stringStart > this.#limits.textBytes + 2) throw tooLong(this.#limits)
    if (at < bytes.length) return true
    if (at - this.#runStart > LONGEST_NUMBER) this.#endRun(at)
    this.isBalanced &&= this.#open.length === 0
    return false
  }

  #take(byte: number, at: number): void {
    if (byte === QUOTE) {
      this.#count('strings')
      this.#stringStart = at
    } else if (byte === COMMA) {
      this.#count('values')
      this.#lastString = null
    } else if (byte === COLON) this.#addKey()
    else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      this.#count('containers')
      this.#open.push({ start: at, keys: byte === OPEN_OBJECT ? new Set() : null, lastKey: '' })
      if (this.#open.length > MAX_DEPTH) throw new ServiceError('invalid_json', `the body is nested more than ${MAX_DEPTH} levels deep, which no request needs`)
      this.#lastString = null
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      const container = this.#open.pop()
      if (container === undefined || (container.keys === null) !== (byte === CLOSE_ARRAY)) this.isBalanced = false
      else if (at - container.start > this.#portionBytes) this.ends.set(container.start, at + 1)
      this.#lastString = null
    } else if (byte === DECIMAL_POINT || this.#isExponent(at)) this.#count('decimals')
  }

  /** Whether the letter e at `at` follows a digit; otherwise it is part of `true` or `false`. */
  #isExponent(at: number): boolean {
    const before = this.#bytes[at - 1]
    return before !== undefined && before >= 0x30 && before <= 0x39
  }

  /** A long run of bytes without structure is a number with white space around it. */
  #endRun(end: number): void {
    let start = this.#runStart
    while (start < end && isSpace(this.#bytes[start])) start++
    let last = end
    while (last > start && isSpace(this.#bytes[last - 1])) last--
    if (last - start > LONGEST_NUMBER) throw new ServiceError('invalid_json', `the body has a number of more than ${LONGEST_NUMBER} digits`)
    // One byte of each stays: without any, `1` and `e2` around white space would become a number.
    for (const blank of [
      { start: this.#runStart, end: start },
      { start: last, end }
    ])
      if (blank.end - blank.start > 1) this.blanks.push({ start: blank.start + 1, end: blank.end })
  }

  #endString(end: number): void {
    if (end - this.#stringStart > this.#limits.textBytes + 2) throw tooLong(this.#limits)
    if (end - this.#stringStart > this.#portionBytes) this.ends.set(this.#stringStart, end)
    this.#lastString = [this.#stringStart, end]
    this.#stringStart = -1
    this.#runStart = end
  }

  #count(part: Part): void {
    this.#counts[part]++
    if (this.#counts[part] > this.#limits[part])
      throw new ServiceError(
        'body_too_large',
        `the body has more than ${this.#limits[part]} ${PARTS[part]}, which no request within the limits needs (max-items, max-body-bytes): split the request`
      )
  }

  #addKey(): void {
    const container = this.#open.at(-1)
    const keys = container?.keys ?? null
    if (container === undefined || keys === null || this.#lastString === null) return
    const key = keyOf(this.#bytes.toString('utf8', ...this.#lastString))
    this.#lastString = null
    if (keys.has(key)) throw new ServiceError('invalid_json', `an object has the key ${fieldName(key)} twice; send it once`, { param: fieldName(key) })
    if (keys.size === MAX_KEYS) throw new ServiceError('invalid_json', `an object has more than ${MAX_KEYS} keys, which no request needs`)
    if (key === '__proto__' || (key === 'prototype' && this.#open.at(-2)?.lastKey === 'constructor'))
      throw new ServiceError('invalid_json', 'the body has a forbidden key (__proto__, constructor): leave it out', { param: key })
    keys.add(key)
    container.lastKey = key
  }
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

function tooLong({ textBytes }: JsonLimits): ServiceError {
  return new ServiceError('body_too_large', `a text of the body has more than ${textBytes} bytes (max-text-bytes): shorten it`)
}

const PARTS: Readonly<Record<Part, string>> = {
  containers: 'objects and lists',
  strings: 'texts and keys',
  values: 'values',
  decimals: 'numbers with a decimal point or an exponent'
}

/** Escapes can spell the same key in different ways. */
function keyOf(quoted: string): string {
  if (!quoted.includes('\\')) return quoted.slice(1, -1)
  try {
    return JSON.parse(quoted) as string
  } catch {
    return quoted
  }
}

const NAME = /^\w{1,40}$/

/** The key as an error message may show it: a field name, but nothing that could be part of a text. */
export function fieldName(key: string): string {
  return NAME.test(key) ? key : '(not a field name)'
}
