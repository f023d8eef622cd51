import { ServiceError } from '../../../errors.ts'
import { FLOAT, FLOAT16 } from '../../../model/onnx/graph.ts'
import type { ModelInput } from '../../../model/onnx/model-inputs.ts'
import type { CacheTensor } from './cache-tensor.ts'

/**
 * How the cache holds what a past input takes, for one text. Whatever order its dimensions have, those in front of the length count as heads
 * and those behind it as size. Throws `model_unsupported` for an input that is no past of floats.
 */
export function cacheTensorOf({ name, elementType, dims, role }: ModelInput): CacheTensor {
  if (role !== 'past' || dims === null || (elementType !== FLOAT && elementType !== FLOAT16))
    throw new ServiceError('model_unsupported', `the input ${name} cannot be kept in the prefix cache: expected a past of float32 or float16`)
  const sizes = pastDims(dims, 0)
  const lengthAt = sizes.indexOf(0)
  const product = (some: readonly number[]): number => some.reduce((all, size) => all * size, 1)
  return { past: name, heads: product(sizes.slice(0, lengthAt)), size: product(sizes.slice(lengthAt + 1)), elementBytes: elementType === FLOAT ? 4 : 2 }
}

/** The dimensions of an input for so many texts with `length` tokens before those of the pass: only pasts have a dimension of 0, where those go. */
export function pastDims(dims: NonNullable<ModelInput['dims']>, length: number, texts = 1): number[] {
  return dims.map((dim) => (typeof dim !== 'number' ? dim.perText * texts : dim === 0 ? length : dim))
}
