import { BOOL, FLOAT, INT64 } from '../../model/onnx/graph.ts'
import { bytesOf, fieldsOf, integersOf, sourceOfBytes } from '../../model/onnx/wire.ts'

/** A tensor as shape inference knows it: its dims, and the values of small integer tensors, which shapes are made of. */
export interface InferredTensor {
  /** TensorProto.DataType */
  readonly elementType: number
  readonly dims: readonly number[]
  /** Row-major; null if they are unknown or too many to matter for a shape. */
  readonly values: readonly number[] | null
}

/** Tensors with more elements than this are never shapes. */
export const MAX_KNOWN_VALUES = 64

const INT32 = 6
/**
 * Bytes of one element of each TensorProto.DataType as the CPU holds it while it computes. onnxruntime has no CPU kernels
 * in float16 and bfloat16 for most operators: it casts to float32 and back, and the float32 copies are what counts.
 */
const ELEMENT_BYTES: Readonly<Record<number, number>> = { 1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 4, 11: 8, 12: 4, 13: 8, 16: 4, 21: 0.5, 22: 0.5 }

export function tensorInfo(elementType: number, dims: readonly number[], values: readonly number[] | null = null): InferredTensor {
  return { elementType, dims, values: values !== null && values.length <= MAX_KNOWN_VALUES ? values : null }
}

export function elementCount(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1)
}

/** Bytes of a tensor among the CPU's activations. */
export function activationBytes({ elementType, dims }: InferredTensor): number {
  return Math.ceil(elementCount(dims) * (ELEMENT_BYTES[elementType] ?? 4))
}

/** Reads a TensorProto { dims 1, data_type 2, int32_data 5, int64_data 7, raw_data 9 } that is stored inside the graph. */
export function tensorInfoOf(encoded: Uint8Array): InferredTensor {
  const source = sourceOfBytes(encoded)
  const dims: number[] = []
  const listed: number[] = []
  let elementType = 0
  let raw: Uint8Array | null = null
  for (const field of fieldsOf(source, 0, source.sizeBytes)) {
    if (field.number === 1) dims.push(...[...integersOf(source, field)].map(Number))
    else if (field.number === 2) elementType = Number(field.varint)
    else if (field.number === 5 || field.number === 7) listed.push(...[...integersOf(source, field)].map(Number))
    else if (field.number === 9) raw = bytesOf(source, field)
  }
  const values = raw === null ? listed : valuesOfBytes(elementType, raw)
  return tensorInfo(elementType, dims, values?.length === elementCount(dims) ? values : null)
}

/** Little-endian values of a small tensor; null for types that no shape is made of, and for large tensors. */
function valuesOfBytes(elementType: number, bytes: Uint8Array): readonly number[] | null {
  if (bytes.length > 8 * MAX_KNOWN_VALUES) return null
  const aligned = Uint8Array.from(bytes).buffer
  if (elementType === INT64) return Array.from(new BigInt64Array(aligned), Number)
  if (elementType === INT32) return [...new Int32Array(aligned)]
  if (elementType === FLOAT) return [...new Float32Array(aligned)]
  if (elementType === BOOL) return [...new Uint8Array(aligned)]
  return null
}
