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
