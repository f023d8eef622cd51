/** What is known of a tensor without computing the model: its shape, and the values of small integer tensors that shapes are made of. */
export interface TensorFacts {
  /** TensorProto.DataType */
  readonly elementType: number
  readonly dims: readonly number[]
  /** Row-major; null where they are not known or too many to matter for a shape. */
  readonly values: readonly number[] | null
}

/** Tensors with more elements than this are never shapes. */
export const MAX_KNOWN_VALUES = 64

/**
 * Bytes of one element of each TensorProto.DataType as the CPU holds it while it computes. It has no kernels in float16
 * and bfloat16 for most operators: they are cast to float32 and back, and the copies in float32 are what counts.
 */
const ELEMENT_BYTES: Readonly<Record<number, number>> = { 1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 4, 11: 8, 12: 4, 13: 8, 16: 4, 21: 0.5, 22: 0.5 }

export function facts(elementType: number, dims: readonly number[], values: readonly number[] | null = null): TensorFacts {
  return { elementType, dims, values: values !== null && values.length <= MAX_KNOWN_VALUES ? values : null }
}

export function elementCount(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1)
}

/** Bytes of a tensor of the CPU's activations. */
export function activationBytes({ elementType, dims }: TensorFacts): number {
  return Math.ceil(elementCount(dims) * (ELEMENT_BYTES[elementType] ?? 4))
}
