import { isUtf8 } from 'node:buffer'
import { ServiceError, serviceErrorFrom } from '../errors.ts'
import { isSliceOver, nextSlice } from '../event-loop.ts'
import { locateFault, placeInWords } from './locate-fault.ts'
import { keepNumberKinds } from './number-kinds.ts'
import { parseJson } from './parse.ts'
import type { JsonLimits } from './structure.ts'

/** One line that is not blank. */
export interface JsonLine {
  /** From 1; blank lines count. */
  readonly number: number
  /** Its value, or why it has none. */
  readonly value: unknown
  readonly error: ServiceError | null
}

const LINE_FEED = 0x0a

/** Reads JSON Lines one by one, so that only the bytes and a few values are in memory. */
export class JsonLines {
  readonly #bytes: Buffer
  readonly #limits: JsonLimits
  #at = 0
  #number = 0

  /** `limits` apply to each line. */
  constructor(bytes: Buffer, limits: JsonLimits) {
    this.#bytes = bytes
    this.#limits = limits
  }

  /** Share of the bytes that was read, from 0 to 1. */
  get readShare(): number {
    return this.#bytes.length === 0 ? 1 : this.#at / this.#bytes.length
  }

  /** The next line; null at the end. Never rejects: a line that is not JSON has an error. */
  async next(): Promise<JsonLine | null> {
    while (this.#at < this.#bytes.length) {
      if (isSliceOver()) await nextSlice()
      if (this.#bytes[this.#at] === LINE_FEED) {
        // Millions of empty lines fit into a body.
        this.#at++
        this.#number++
        continue
      }
      const lineFeed = this.#bytes.indexOf(LINE_FEED, this.#at)
      const line = this.#bytes.subarray(this.#at, lineFeed < 0 ? this.#bytes.length : lineFeed)
      this.#at += line.length + (lineFeed < 0 ? 0 : 1)
      this.#number++
      if (!isBlank(line)) return this.#parsed(line)
    }
    return null
  }

  async #parsed(line: Buffer): Promise<JsonLine> {
    try {
      return { number: this.#number, value: await jsonOf(line, this.#limits, 'line'), error: null }
    } catch (error) {
      return { number: this.#number, value: undefined, error: serviceErrorFrom(error) }
    }
  }
}

/**
 * The value of a JSON text, with the kinds of its numbers. `noun` is what messages call it. Throws `invalid_utf8`,
 * `invalid_json` with the place of the fault, and what `parseJson` throws.
 */
export async function jsonOf(bytes: Buffer, limits: JsonLimits, noun: 'body' | 'line'): Promise<unknown> {
  if (!isUtf8(bytes)) throw new ServiceError('invalid_utf8', `the ${noun} is not valid UTF-8; encode it as UTF-8`)
  try {
    const value = await parseJson(bytes, limits)
    for (const _ of keepNumberKinds(bytes, value)) if (isSliceOver()) await nextSlice()
    return value
  } catch (error) {
    if (error instanceof ServiceError) throw noun === 'line' ? aboutLine(error) : error
    if (!(error instanceof SyntaxError)) throw error
    // The message of the parser quotes the text around the error.
    const place = await locateFault(bytes)
    const where = place === null ? '' : placeInWords(place, noun)
    throw new ServiceError(
      'invalid_json',
      `the ${noun} is not valid JSON${where}; ${noun === 'body' ? 'send one JSON object' : 'write one JSON object per line'}`
    )
  }
}

function aboutLine({ code, message, param }: ServiceError): ServiceError {
  return new ServiceError(code, message.replaceAll('the body', 'the line'), param === undefined ? {} : { param })
}

function isBlank(line: Buffer): boolean {
  for (const byte of line) if (byte !== 0x20 && byte !== 0x0d && byte !== 0x09) return false
  return true
}
