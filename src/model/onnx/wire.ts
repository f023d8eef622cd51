/**
 * Protobuf's wire format: reads an ONNX file field by field, decoding only what is asked for, and writes one.
 * Source: https://protobuf.dev/programming-guides/encoding/
 */

export const VARINT = 0
const FIXED64 = 1
export const BYTES = 2
const FIXED32 = 5

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

/** Fields of the message in bytes `start..end`, in file order; payloads are not read. Throws WireError when malformed. */
export function* fieldsOf(source: ByteSource, start: number, end: number): Generator<Field> {
  let at = start
  while (at < end) {
    const tag = readSize(source, at, end)
    const wireType = tag.value & 7
    const number = tag.value >>> 3
    // A hole in the file, read as zeros, would otherwise pass as millions of empty fields.
    if (number === 0) throw new WireError(`field number 0 at byte ${at} is invalid: the file is damaged or filled up with zeros`)
    if (wireType === VARINT) {
      const value = readVarint(source, tag.end, end)
      yield { number, wireType, start: tag.end, end: value.end, varint: value.value }
      at = value.end
      continue
    }
    const length = wireType === BYTES ? readSize(source, tag.end, end) : { value: fixedLength(wireType), end: tag.end }
    const payloadEnd = length.end + length.value
    if (payloadEnd > end) throw new WireError(`field ${number} at byte ${at} ends at ${payloadEnd}, past the end of its message at ${end}`)
    yield { number, wireType, start: length.end, end: payloadEnd, varint: 0n }
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
  for (let at = field.start; at < field.end; ) {
    const { value, end } = readVarint(source, at, field.end)
    yield BigInt.asIntN(64, value)
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

/** A tag or a length: at most five bytes, so it fits a number and needs no BigInt. */
function readSize(source: ByteSource, start: number, end: number): { value: number; end: number } {
  const bytes = source.read(start, Math.min(5, end - start))
  let value = 0
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!
    value += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) return { value, end: start + i + 1 }
  }
  throw new WireError(`the length at byte ${start} does not end: the file is cut off or not ONNX`)
}

function readVarint(source: ByteSource, start: number, end: number): { value: bigint; end: number } {
  const bytes = source.read(start, Math.min(10, end - start))
  let value = 0n
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!
    value |= BigInt(byte & 0x7f) << BigInt(7 * i)
    if (byte < 0x80) return { value, end: start + i + 1 }
  }
  throw new WireError(`the number at byte ${start} does not end: the file is cut off or not ONNX`)
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

/** A message with the length-delimited fields of some numbers rewritten, or dropped (null); all others stay byte for byte. */
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
