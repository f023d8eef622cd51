/**
 * Protobuf's wire format: reads an ONNX file field by field, decoding only what is asked for, and writes one.
 * Source: https://protobuf.dev/programming-guides/encoding/
 */

export const VARINT = 0
const FIXED64 = 1
export const BYTES = 2
const FIXED32 = 5

/** A tag or a length has at most five bytes, so that it fits a number. */
const LONGEST_SIZE_BYTES = 5
const LONGEST_VARINT_BYTES = 10
const LONGEST_HEAD_BYTES = LONGEST_SIZE_BYTES + LONGEST_VARINT_BYTES

/** A file or a buffer; `read` returns exactly `length` bytes or throws. */
export interface ByteSource {
  readonly sizeBytes: number
  read(offset: number, length: number): Uint8Array
}

/** Bytes of a file or of a source. */
export interface ByteRange {
  readonly offset: number
  readonly length: number
}

/** The bytes of a message in its source, from `start` up to `end`. */
export interface Extent {
  readonly start: number
  readonly end: number
}

/** One field of a message; the extent is that of its payload. */
export interface Field extends Extent {
  readonly number: number
  readonly wireType: number
  /** The value of a varint field; 0 for other wire types. */
  readonly varint: bigint
}

export class WireError extends Error {
  override readonly name = 'WireError'
}

export function sourceOfBytes(bytes: Uint8Array): ByteSource {
  return { sizeBytes: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length) }
}

/** The whole source as one message. */
export function wholeOf({ sizeBytes }: ByteSource): Extent {
  return { start: 0, end: sizeBytes }
}

/**
 * Fields of the message in bytes `start..end`, in file order; payloads are not read. Throws WireError when malformed.
 */
export function* fieldsOf(source: ByteSource, start: number, end: number): Generator<Field> {
  let at = start
  while (at < end) {
    const head = source.read(at, Math.min(LONGEST_HEAD_BYTES, end - at))
    const tagEnd = endOfVarint(head, 0, LONGEST_SIZE_BYTES, at)
    const tag = sizeIn(head, 0, tagEnd)
    const wireType = tag & 7
    const number = tag >>> 3
    // A hole in the file, read as zeros, would otherwise pass as millions of empty fields.
    if (number === 0) throw new WireError(`field number 0 at byte ${at} is invalid: the file is damaged or filled up with zeros`)
    if (wireType === VARINT) {
      const valueEnd = endOfVarint(head, tagEnd, LONGEST_VARINT_BYTES, at)
      yield { number, wireType, start: at + tagEnd, end: at + valueEnd, varint: varintIn(head, tagEnd, valueEnd) }
      at += valueEnd
      continue
    }
    const headEnd = wireType === BYTES ? endOfVarint(head, tagEnd, LONGEST_SIZE_BYTES, at) : tagEnd
    const payloadStart = at + headEnd
    const payloadEnd = payloadStart + (wireType === BYTES ? sizeIn(head, tagEnd, headEnd) : fixedLength(wireType))
    if (payloadEnd > end) throw new WireError(`field ${number} at byte ${at} ends at ${payloadEnd}, past the end of its message at ${end}`)
    yield { number, wireType, start: payloadStart, end: payloadEnd, varint: 0n }
    at = payloadEnd
  }
}

/** The fields of a message that have this number. */
export function* childrenOf(source: ByteSource, { start, end }: Extent, number: number): Generator<Field> {
  for (const field of fieldsOf(source, start, end)) if (field.number === number) yield field
}

/** Integers of a repeated field, packed or not. */
export function* integersOf(source: ByteSource, field: Field): Generator<bigint> {
  if (field.wireType === VARINT) {
    yield BigInt.asIntN(64, field.varint)
    return
  }
  const bytes = bytesOf(source, field)
  for (let at = 0; at < bytes.length; ) {
    const end = endOfVarint(bytes, at, LONGEST_VARINT_BYTES, field.start)
    yield BigInt.asIntN(64, varintIn(bytes, at, end))
    at = end
  }
}

export function textOf(source: ByteSource, field: Field): string {
  return Buffer.from(bytesOf(source, field)).toString('utf8')
}

export function bytesOf(source: ByteSource, field: Field): Uint8Array {
  return source.read(field.start, field.end - field.start)
}

/** A StringStringEntryProto { key 1, value 2 }. */
export function readEntry(source: ByteSource, { start, end }: Extent): [key: string, value: string] {
  let key = ''
  let value = ''
  for (const part of fieldsOf(source, start, end)) {
    if (part.number === 1) key = textOf(source, part)
    else if (part.number === 2) value = textOf(source, part)
  }
  return [key, value]
}

function fixedLength(wireType: number): number {
  if (wireType === FIXED64) return 8
  if (wireType === FIXED32) return 4
  throw new WireError(`wire type ${wireType} is not used by ONNX: the file is damaged or not ONNX`)
}

/** The end of the varint at `from`, of at most `most` bytes; messages count bytes from `start`. */
function endOfVarint(bytes: Uint8Array, from: number, most: number, start: number): number {
  const limit = Math.min(bytes.length, from + most)
  for (let i = from; i < limit; i++) if (bytes[i]! < 0x80) return i + 1
  throw new WireError(`the number at byte ${start + from} does not end: the file is cut off or not ONNX`)
}

/** The value of a varint of at most seven bytes, without BigInt. */
function sizeIn(bytes: Uint8Array, from: number, end: number): number {
  let value = 0
  for (let i = end - 1; i >= from; i--) value = value * 128 + (bytes[i]! & 0x7f)
  return value
}

function varintIn(bytes: Uint8Array, from: number, end: number): bigint {
  if (end - from <= 7) return BigInt(sizeIn(bytes, from, end))
  let value = 0n
  for (let i = end - 1; i >= from; i--) value = (value << 7n) | BigInt(bytes[i]! & 0x7f)
  return value
}

function varint(value: bigint): number[] {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, value)
  do {
    const low = Number(rest & 0x7fn)
    rest >>= 7n
    bytes.push(rest > 0n ? low | 0x80 : low)
  } while (rest > 0n)
  return bytes
}

/** A varint field; a negative number takes ten bytes, as in protobuf's int64. */
export function writeInteger(number: number, value: number | bigint): Uint8Array {
  return Uint8Array.from([...varint(BigInt(number << 3)), ...varint(BigInt(value))])
}

/** A length-delimited field made of text, bytes or the fields of a nested message. */
export function writeBytes(number: number, payload: string | Uint8Array | readonly Uint8Array[]): Uint8Array {
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload instanceof Uint8Array ? payload : Buffer.concat(payload)
  return Buffer.concat([Uint8Array.from([...varintOfSize((number << 3) | BYTES), ...varintOfSize(bytes.length)]), bytes])
}

function varintOfSize(size: number): number[] {
  const bytes: number[] = []
  let rest = size
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80)
  return [...bytes, rest]
}

/** The new payload of a field; null drops the field. */
export type Rewrite = (payload: Uint8Array, field: Field) => Uint8Array | null

/** A message in which `changes`, by field number, rewrite or drop (null) fields; all others stay byte for byte. */
export function rewriteMessage(message: Uint8Array, changes: Readonly<Record<number, Rewrite | null>>): Uint8Array {
  const parts: Uint8Array[] = []
  let at = 0
  for (const field of fieldsOf(sourceOfBytes(message), 0, message.length)) {
    const payload = message.subarray(field.start, field.end)
    const change = changes[field.number]
    const changed = change === null ? null : change === undefined || field.wireType !== BYTES ? payload : change(payload, field)
    if (changed === payload) parts.push(message.subarray(at, field.end))
    else if (changed !== null) parts.push(writeBytes(field.number, changed))
    at = field.end
  }
  return Buffer.concat(parts)
}
