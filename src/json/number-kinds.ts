import { ServiceError } from '../errors.ts'
import { BACKSLASH, CLOSE_ARRAY, CLOSE_OBJECT, COMMA, OPEN_ARRAY, OPEN_OBJECT, QUOTE } from './structure.ts'

/** Fields that chat templates read, where Python's `1.0` is written differently from `1`. */
const FIELDS: ReadonlySet<string> = new Set(['messages', 'tools', 'documents', 'chat_template_kwargs'])

/** Floats without a fraction in one body. Each costs a typed array, and 10 us to hand over to another thread. */
const MAX_WHOLE_FLOATS = 4096

/**
 * Restores numbers that JSON.parse cannot tell apart or rounds, in the fields of a body that chat templates read: a
 * float without a fraction, such as 1.0 or 1e3, becomes a Float64Array of one number, and an int beyond 2^53 a bigint.
 * Changes `body`, which JSON.parse has read from `bytes`. Yields now and then, so that the caller can pause. Throws
 * `body_too_large` for too many such floats.
 */
export function* keepNumberKinds(bytes: Buffer, body: unknown): Generator<void, void> {
  if (hasNumbers(body)) yield* new NumberReader(bytes).value(body, false)
}

/** The same for a whole value. */
export function* keepAllNumberKinds(bytes: Buffer, value: unknown): Generator<void, unknown> {
  return yield* new NumberReader(bytes).value(value, true)
}

function hasNumbers(body: unknown): boolean {
  if (!isObject(body)) return false
  const pairs: readonly unknown[] = Array.isArray(body.pairs) ? body.pairs : []
  return [body, ...pairs].some((owner) => isObject(owner) && Object.entries(owner).some(([name, value]) => FIELDS.has(name) && holdsNumber(value)))
}

function holdsNumber(value: unknown): boolean {
  if (typeof value === 'number') return true
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsNumber)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Reads a valid JSON text beside its value. */
class NumberReader {
  readonly #bytes: Buffer
  #at = 0
  #wholeFloats = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** Moves past one value, and returns it with exact numbers if `isExact`. */
  *value(value: unknown, isExact: boolean): Generator<void, unknown> {
    const first = this.#next()
    if (first === OPEN_OBJECT) yield* this.#object(value as Record<string, unknown>, isExact)
    else if (first === OPEN_ARRAY) yield* this.#list(value as unknown[], isExact)
    else if (first === QUOTE) this.#string()
    else {
      const literal = this.#literal()
      return isExact && typeof value === 'number' ? this.#exact(literal, value) : value
    }
    return value
  }

  *#object(object: Record<string, unknown>, isExact: boolean): Generator<void, void> {
    this.#at++
    while (this.#next() !== CLOSE_OBJECT) {
      yield
      if (this.#bytes[this.#at] === COMMA) this.#at++
      this.#next()
      const key = JSON.parse(this.#string()) as string
      this.#next()
      this.#at++
      object[key] = yield* this.value(object[key], isExact || FIELDS.has(key))
    }
    this.#at++
  }

  *#list(list: unknown[], isExact: boolean): Generator<void, void> {
    this.#at++
    for (let i = 0; this.#next() !== CLOSE_ARRAY; i++) {
      if (i % 1024 === 0) yield
      if (this.#bytes[this.#at] === COMMA) this.#at++
      list[i] = yield* this.value(list[i], isExact)
    }
    this.#at++
  }

  #exact(literal: string, value: number): number | bigint | Float64Array {
    if (!/[.eE]/.test(literal)) return Number.isSafeInteger(value) ? value : BigInt(literal)
    if (!Number.isInteger(value)) return value
    if (++this.#wholeFloats > MAX_WHOLE_FLOATS)
      throw new ServiceError(
        'body_too_large',
        `messages, tools and documents have more than ${MAX_WHOLE_FLOATS} numbers such as 1.0: write them without a fraction, or send fewer`
      )
    return Float64Array.of(value)
  }

  #next(): number | undefined {
    while ((this.#bytes[this.#at] ?? QUOTE) <= 0x20) this.#at++
    return this.#bytes[this.#at]
  }

  #string(): string {
    const start = this.#at++
    while (this.#bytes[this.#at] !== QUOTE) this.#at += this.#bytes[this.#at] === BACKSLASH ? 2 : 1
    return this.#bytes.toString('utf8', start, ++this.#at)
  }

  #literal(): string {
    const start = this.#at
    for (let byte = this.#bytes[this.#at]; byte !== undefined && byte > 0x20 && byte !== COMMA && byte !== CLOSE_ARRAY && byte !== CLOSE_OBJECT; )
      byte = this.#bytes[++this.#at]
    return this.#bytes.toString('latin1', start, this.#at)
  }
}
