import type { StoredTensor } from './stored-tensors.ts'

/** Most bytes that a writer may have added behind a tensor to align the next one: the larger of the two in onnx.proto3. */
const ALIGNMENT_BYTES = 65_536n
const LONGEST_NAME = 120
const AGAIN = 'the file is damaged or of another version; download it again'

/** Bytes of a tensor in its data file. */
interface ExternalRange {
  readonly offset: bigint
  /** As many as dims and data type need, or as the entry says where the type has no fixed size. */
  readonly length: bigint
}

/** Where an external tensor lies. Throws a fault, as text, when its entries are not whole numbers. */
export function externalRange({ dims, dataType, storage }: StoredTensor): ExternalRange {
  const offset = storage.kind === 'external' ? storage.offset : undefined
  const length = storage.kind === 'external' ? storage.length : undefined
  return { offset: BigInt(offset ?? 0), length: tensorBytes(dims, dataType) ?? BigInt(length ?? 0) }
}

/** Why the tensor cannot be what it says, whatever lies in data files; null when nothing speaks against it. */
export function declarationFault(tensor: StoredTensor, modelFile: string): string | null {
  const { dims, dataType, storage } = tensor
  const where = `${tensorName(tensor)} of ${modelFile}`
  if (dims.some((dim) => dim < 0n)) return `${where} has a negative dimension, ${tensorType(dims, dataType)}: ${AGAIN}`
  const needed = tensorBytes(dims, dataType)
  if (needed !== null && needed > BigInt(Number.MAX_SAFE_INTEGER)) return `${where} would take ${needed} bytes, ${tensorType(dims, dataType)}: ${AGAIN}`
  if (storage.kind === 'external') return entriesFault(tensor, where, needed)
  if (needed === null) return null
  if (storage.kind === 'raw' && BigInt(storage.sizeBytes) !== needed)
    return `${where} needs ${needed} bytes, ${tensorType(dims, dataType)}, and has ${storage.sizeBytes}: ${AGAIN}`
  if (storage.kind === 'none' && needed > 0n) return `${where} needs ${needed} bytes, ${tensorType(dims, dataType)}, and has none: ${AGAIN}`
  return null
}

/** Why the data file cannot hold the tensor; null when it can. Only for tensors without a `declarationFault`. */
export function extentFault(tensor: StoredTensor, modelFile: string, dataFile: string, dataFileBytes: number): string | null {
  const { offset, length } = externalRange(tensor)
  if (offset + length <= BigInt(dataFileBytes)) return null
  const extent = `${tensorName(tensor)} of ${modelFile} lies at bytes ${offset} to ${offset + length} of ${dataFile}`
  return `${extent}, which has ${dataFileBytes}: ${dataFile} is cut off or belongs to another version of the model; download both again`
}

/** The first name that two initializers of one graph share, for which onnxruntime would silently take the later one. */
export function duplicateFault(tensors: readonly StoredTensor[], modelFile: string): string | null {
  const seen = new Set<string>()
  for (const tensor of tensors) {
    // Branches may use a name again.
    if (tensor.scope !== 'graph' || tensor.name === '') continue
    if (seen.has(tensor.name)) return `${modelFile} has ${tensorName(tensor)} twice: ${AGAIN}`
    seen.add(tensor.name)
  }
  return null
}

/** The name is a text of the file: quoted, and cut when it is long. */
export function tensorName({ name, scope }: Pick<StoredTensor, 'name' | 'scope'>): string {
  const quoted = JSON.stringify(name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}...` : name)
  return scope === null || scope === 'graph' ? `tensor ${quoted}` : `tensor ${quoted} (${scope})`
}

function entriesFault({ dims, dataType, storage }: StoredTensor, where: string, needed: bigint | null): string | null {
  if (storage.kind !== 'external') return null
  for (const entry of ['offset', 'length'] as const) {
    const text = storage[entry]
    if (text !== undefined && !/^\d{1,18}$/.test(text)) return `${where} has an external ${entry} that is not a number of bytes: ${AGAIN}`
  }
  const length = BigInt(storage.length ?? 0)
  // 0 and no entry both mean: as many as needed.
  if (needed === null || length === 0n || (length >= needed && length < needed + ALIGNMENT_BYTES)) return null
  return `${where} needs ${needed} bytes, ${tensorType(dims, dataType)}, and its external data has a length of ${length}: ${AGAIN}`
}

interface ElementType {
  readonly name: string
  /** Null: of no fixed size. */
  readonly bits: number | null
}

/** TensorProto.DataType of onnx.proto. Types of fewer than 8 bits are packed without gaps. */
const ELEMENT_TYPES: Readonly<Record<number, ElementType>> = {
  1: { name: 'float32', bits: 32 },
  2: { name: 'uint8', bits: 8 },
  3: { name: 'int8', bits: 8 },
  4: { name: 'uint16', bits: 16 },
  5: { name: 'int16', bits: 16 },
  6: { name: 'int32', bits: 32 },
  7: { name: 'int64', bits: 64 },
  8: { name: 'string', bits: null },
  9: { name: 'bool', bits: 8 },
  10: { name: 'float16', bits: 16 },
  11: { name: 'float64', bits: 64 },
  12: { name: 'uint32', bits: 32 },
  13: { name: 'uint64', bits: 64 },
  14: { name: 'complex64', bits: 64 },
  15: { name: 'complex128', bits: 128 },
  16: { name: 'bfloat16', bits: 16 },
  17: { name: 'float8e4m3fn', bits: 8 },
  18: { name: 'float8e4m3fnuz', bits: 8 },
  19: { name: 'float8e5m2', bits: 8 },
  20: { name: 'float8e5m2fnuz', bits: 8 },
  21: { name: 'uint4', bits: 4 },
  22: { name: 'int4', bits: 4 },
  23: { name: 'float4e2m1', bits: 4 },
  24: { name: 'float8e8m0', bits: 8 },
  25: { name: 'uint2', bits: 2 },
  26: { name: 'int2', bits: 2 }
}

/**
 * Bytes that a tensor takes, packed: ceil(product of dims x bits / 8). Exact for any dims; a tensor without dims is a scalar.
 * Null when the data type has no fixed size or is not known. Dims must not be negative.
 */
export function tensorBytes(dims: readonly bigint[], dataType: number): bigint | null {
  const bits = ELEMENT_TYPES[dataType]?.bits
  if (bits === undefined || bits === null) return null
  return (dims.reduce((product, dim) => product * dim, 1n) * BigInt(bits) + 7n) / 8n
}

/** `[2, 3] float32`, for messages. */
export function tensorType(dims: readonly bigint[], dataType: number): string {
  return `[${dims.join(', ')}] ${ELEMENT_TYPES[dataType]?.name ?? `data type ${dataType}`}`
}
