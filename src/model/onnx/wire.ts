/**
 * Protobuf on the wire: enough to walk an ONNX file field by field and to write one, without decoding what is not
 * looked at. Format: https://protobuf.dev/programming-guides/encoding/
 */

export const VARINT = 0
const FIXED64 = 1
export const BYTES = 2
const FIXED32 = 5

/** Bytes addressed from the start of a file or of a buffer; `read` returns exactly `length` bytes or throws. */
export interface ByteSource {
  readonly sizeBytes: number
  read(offset: number, length: number): Uint8Array
}

/** One field of a message: its number, its wire type and where its payload lies in the source. */
export interface Field {
  readonly number: number
  readonly wireType: number
  readonly start: number
  readonly end: number
  /** The value of a varint field; 0 for the others. */
  readonly varint: bigint
}

export class WireError extends Error {
  override readonly name = 'WireError'
}

export function sourceOfBytes(bytes: Uint8Array): ByteSource {
  return { sizeBytes: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length) }
}

/** Fields of the message in bytes `start..end`, in file order; payloads are not read. Throws WireError when malformed. */
export function* fieldsOf(source: ByteSource, start: number, end: number): Generator<Field> {
  let at = start
  while (at < end) {
    const tag = readSize(source, at, end)
    const wireType = tag.value & 7
    const number = tag.value >>> 3
    // Zeros where something was never written would read as millions of empty fields.
    if (number === 0) throw new WireError(`field 0 at byte ${at} does not exist: the file is damaged, or filled up with zeros`)
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

/** Integers of a repeated field, which writers may or may not pack. */
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

function fixedLength(wireType: number): number {
  if (wireType === FIXED64) return 8
  if (wireType === FIXED32) return 4
  throw new WireError(`wire type ${wireType} does not occur in ONNX: not an ONNX file, or a damaged one`)
}

/** A tag or a length: at most five bytes, so that it fits a number and needs no BigInt on the way. */
function readSize(source: ByteSource, start: number, end: number): { value: number; end: number } {
  const bytes = source.read(start, Math.min(5, end - start))
  let value = 0
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!
    value += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) return { value, end: start + i + 1 }
  }
  throw new WireError(`length at byte ${start} does not end: the file is cut off or not ONNX`)
}

function readVarint(source: ByteSource, start: number, end: number): { value: bigint; end: number } {
  const bytes = source.read(start, Math.min(10, end - start))
  let value = 0n
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!
    value |= BigInt(byte & 0x7f) << BigInt(7 * i)
    if (byte < 0x80) return { value, end: start + i + 1 }
  }
  throw new WireError(`number at byte ${start} does not end: the file is cut off or not ONNX`)
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

/** A varint field; negative numbers take ten bytes, as protobuf's int64 does. */
export function writeInteger(number: number, value: number | bigint): Uint8Array {
  return Uint8Array.from([...varint(BigInt(number << 3)), ...varint(BigInt(value))])
}

/** A length-delimited field from text, bytes or the parts of a nested message. */
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
