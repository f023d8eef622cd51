import { BFLOAT16, elementBits, FLOAT, FLOAT16 } from '../../model/onnx/data-types.ts'
import type { Initializer } from '../../model/onnx/graph.ts'
import { numbersOfTensor, readTensor } from '../../model/onnx/tensor.ts'
import { sourceOfBytes } from '../../model/onnx/wire.ts'

/** A tensor during shape inference: its dims, and the values of a small one, which may be part of a shape. */
export interface InferredTensor {
  /** TensorProto.DataType */
  readonly elementType: number
  readonly dims: readonly number[]
  /** Row-major; null when they are unknown or more than MAX_KNOWN_VALUES. */
  readonly values: readonly number[] | null
}

/** A tensor with more elements than this is not part of a shape. */
export const MAX_KNOWN_VALUES = 64
/** Taken for a data type of unknown size. */
const DEFAULT_BITS = 32

export function tensorInfo(elementType: number, dims: readonly number[], values: readonly number[] | null = null): InferredTensor {
  return { elementType, dims, values: values !== null && values.length <= MAX_KNOWN_VALUES ? values : null }
}

/** Reads an encoded TensorProto. Its values are known only when they are stored in the graph. */
export function tensorInfoOf(encoded: Uint8Array): InferredTensor {
  const { dims: stored, dataType } = readTensor(sourceOfBytes(encoded))
  const dims = stored.map(Number)
  const count = elementCount(dims)
  const values = count <= MAX_KNOWN_VALUES ? numbersOfTensor(encoded) : null
  return tensorInfo(dataType, dims, values?.length === count ? values : null)
}

export function elementCount(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1)
}

/** Bytes of a tensor as a file stores it. */
export function storedBytes(dims: readonly number[], dataType: number): number {
  return Math.ceil((elementCount(dims) * (elementBits(dataType) ?? DEFAULT_BITS)) / 8)
}

/**
 * Bytes of an activation on the CPU. onnxruntime has no CPU kernels in float16 and bfloat16 for most operators: it
 * casts to float32 and back, and the float32 copies are what counts.
 */
export function activationBytes({ elementType, dims }: InferredTensor): number {
  return storedBytes(dims, isHalf(elementType) ? FLOAT : elementType)
}

export function isHalf(dataType: number): boolean {
  return dataType === FLOAT16 || dataType === BFLOAT16
}

/** Weights and constants by name; constants inside the graph keep their values. */
export function initializerTensors(initializers: readonly Initializer[]): ReadonlyMap<string, InferredTensor> {
  return new Map(
    initializers.map(({ name, dims, dataType, location, value }) => [
      name,
      location === null && value instanceof Uint8Array ? tensorInfoOf(value) : tensorInfo(dataType, dims)
    ])
  )
}
