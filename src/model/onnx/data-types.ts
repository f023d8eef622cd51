/** TensorProto.DataType of onnx.proto: the numbers that code names, and the size and name of every type. */

export const FLOAT = 1
export const UINT8 = 2
export const INT8 = 3
export const INT32 = 6
export const INT64 = 7
export const BOOL = 9
export const FLOAT16 = 10
export const DOUBLE = 11
export const BFLOAT16 = 16
export const UINT4 = 21
export const INT4 = 22

interface DataType {
  readonly name: string
  /** Null for a type without a fixed size. */
  readonly bits: number | null
}

/** Types of fewer than 8 bits are packed without gaps. */
const DATA_TYPES: Readonly<Record<number, DataType>> = {
  [FLOAT]: { name: 'float32', bits: 32 },
  [UINT8]: { name: 'uint8', bits: 8 },
  [INT8]: { name: 'int8', bits: 8 },
  4: { name: 'uint16', bits: 16 },
  5: { name: 'int16', bits: 16 },
  [INT32]: { name: 'int32', bits: 32 },
  [INT64]: { name: 'int64', bits: 64 },
  8: { name: 'string', bits: null },
  [BOOL]: { name: 'bool', bits: 8 },
  [FLOAT16]: { name: 'float16', bits: 16 },
  [DOUBLE]: { name: 'float64', bits: 64 },
  12: { name: 'uint32', bits: 32 },
  13: { name: 'uint64', bits: 64 },
  14: { name: 'complex64', bits: 64 },
  15: { name: 'complex128', bits: 128 },
  [BFLOAT16]: { name: 'bfloat16', bits: 16 },
  17: { name: 'float8e4m3fn', bits: 8 },
  18: { name: 'float8e4m3fnuz', bits: 8 },
  19: { name: 'float8e5m2', bits: 8 },
  20: { name: 'float8e5m2fnuz', bits: 8 },
  [UINT4]: { name: 'uint4', bits: 4 },
  [INT4]: { name: 'int4', bits: 4 },
  23: { name: 'float4e2m1', bits: 4 },
  24: { name: 'float8e8m0', bits: 8 },
  25: { name: 'uint2', bits: 2 },
  26: { name: 'int2', bits: 2 }
}

/** Bits of one element; null when the data type is unknown or has no fixed size. */
export function elementBits(dataType: number): number | null {
  return DATA_TYPES[dataType]?.bits ?? null
}

/**
 * Bytes of a packed tensor, ceil(product of dims x bits / 8); exact for any dims, which must not be negative. No dims
 * make a scalar. Null when the data type is unknown or has no fixed size.
 */
export function tensorBytes(dims: readonly bigint[], dataType: number): bigint | null {
  const bits = elementBits(dataType)
  if (bits === null) return null
  return (dims.reduce((product, dim) => product * dim, 1n) * BigInt(bits) + 7n) / 8n
}

/** `float32`, for messages. */
export function dataTypeName(dataType: number): string {
  return DATA_TYPES[dataType]?.name ?? `data type ${dataType}`
}

/** `[2, 3] float32`, for messages. */
export function tensorType(dims: readonly bigint[], dataType: number): string {
  return `[${dims.join(', ')}] ${dataTypeName(dataType)}`
}
