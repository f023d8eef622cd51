import { BOOL, FLOAT, INT32, INT64 } from './data-types.ts'
import { type ByteRange, type ByteSource, fieldsOf, integersOf, readEntry, sourceOfBytes, textOf, wholeOf, writeBytes, writeInteger } from './wire.ts'

/**
 * A TensorProto as a file stores it, without its elements.
 *
 *     TensorProto { dims 1, data_type 2, float_data 4, int32_data 5, string_data 6, int64_data 7, name 8, raw_data 9,
 *                   double_data 10, uint64_data 11, external_data 13 { key 1, value 2 }, data_location 14 }
 */
export interface Tensor {
  readonly name: string
  /** As the file has them: a damaged file may hold negative or very large ones. */
  readonly dims: readonly bigint[]
  /** A TensorProto.DataType. */
  readonly dataType: number
  readonly storage: TensorStorage
}

/**
 * Where the elements of a tensor are. The entries of `external` are spelled as in the file; absent ones are undefined.
 */
type TensorStorage =
  | { readonly kind: 'external'; readonly location: string | undefined; readonly offset: string | undefined; readonly length: string | undefined }
  /** In raw_data, at this range of the byte source. */
  | ({ readonly kind: 'raw' } & ByteRange)
  /** In the field of its data type, such as int64_data. */
  | { readonly kind: 'typed' }
  | { readonly kind: 'none' }

/** The place of elements in a data file. */
export interface ExternalPlace {
  readonly location: string
  readonly offset: number | bigint
  readonly length: number | bigint
}

const TYPED_FIELDS = new Set([4, 5, 6, 7, 10, 11])
/** TensorProto.DataLocation */
const EXTERNAL = 1

/** Reads the TensorProto in a range of the source, by default all of it. Throws WireError when it is damaged. */
export function readTensor(source: ByteSource, { start, end } = wholeOf(source)): Tensor {
  const dims: bigint[] = []
  const external = new Map<string, string>()
  let name = ''
  let dataType = 0
  let isExternal = false
  let storage: TensorStorage = { kind: 'none' }
  for (const field of fieldsOf(source, start, end)) {
    if (field.number === 1) for (const dim of integersOf(source, field)) dims.push(dim)
    else if (field.number === 2) dataType = Number(field.varint)
    else if (field.number === 8) name = textOf(source, field)
    else if (field.number === 9) storage = { kind: 'raw', offset: field.start, length: field.end - field.start }
    else if (field.number === 13) external.set(...readEntry(source, field))
    else if (field.number === 14) isExternal = Number(field.varint) === EXTERNAL
    else if (TYPED_FIELDS.has(field.number)) storage = { kind: 'typed' }
  }
  if (isExternal || external.has('location'))
    storage = { kind: 'external', location: external.get('location'), offset: external.get('offset'), length: external.get('length') }
  return { name, dims, dataType, storage }
}

/**
 * The elements of an encoded tensor, as shapes and axes are stored: int64, int32, bool or float32. Null for other
 * types, for float_data and for elements in a data file.
 */
export function numbersOfTensor(encoded: Uint8Array): readonly number[] | null {
  const source = sourceOfBytes(encoded)
  const { dataType, storage } = readTensor(source)
  if (storage.kind === 'external') return null
  if (storage.kind === 'raw') return numbersOfBytes(dataType, source.read(storage.offset, storage.length))
  if (dataType !== INT64 && dataType !== INT32 && dataType !== BOOL) return null
  const values: number[] = []
  for (const field of fieldsOf(source, 0, source.sizeBytes))
    if (field.number === 5 || field.number === 7) for (const value of integersOf(source, field)) values.push(Number(value))
  return values
}

/** Elements of little-endian bytes; null for a type that no shape or axis has. */
function numbersOfBytes(dataType: number, bytes: Uint8Array): readonly number[] | null {
  const { buffer } = Uint8Array.from(bytes)
  if (dataType === INT64) return Array.from(new BigInt64Array(buffer), Number)
  if (dataType === INT32) return [...new Int32Array(buffer)]
  if (dataType === FLOAT) return [...new Float32Array(buffer)]
  return dataType === BOOL ? [...bytes] : null
}

/** Encodes a tensor whose elements are in it, as little-endian bytes, or in a data file. */
export function writeTensor(
  { name, dims, dataType }: { readonly name: string; readonly dims: readonly number[]; readonly dataType: number },
  elements: Uint8Array | ExternalPlace
): Uint8Array {
  return Buffer.concat([
    ...dims.map((dim) => writeInteger(1, dim)),
    writeInteger(2, dataType),
    writeBytes(8, name),
    ...(elements instanceof Uint8Array ? [writeBytes(9, elements)] : externalFields(elements))
  ])
}

/** The fields external_data and data_location of a TensorProto. */
export function externalFields({ location, offset, length }: ExternalPlace): Uint8Array[] {
  const entries = Object.entries({ location, offset: String(offset), length: String(length) })
  return [...entries.map(([key, value]) => writeBytes(13, [writeBytes(1, key), writeBytes(2, value)])), writeInteger(14, EXTERNAL)]
}
