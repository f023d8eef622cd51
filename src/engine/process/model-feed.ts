import { Tensor } from 'onnxruntime-node'
import { BOOL, FLOAT, FLOAT16, INT32 } from '../../model/onnx/graph.ts'
import type { InputRole, ModelInput } from '../../model/onnx/model-inputs.ts'

/** Makes one input from the padded batch. */
export type FeedMaker = (batch: PaddedBatch) => Tensor

/** B texts of S columns, right-padded: attention operators that count the mask's ones are wrong with padding on the left. */
export interface PaddedBatch {
  readonly B: number
  readonly S: number
  /** (B, S) row-major; padding repeats token 0, which the mask hides. */
  readonly ids: Int32Array
  readonly lengths: readonly number[]
}

/** The bits of 1 as a float16. */
const HALF_ONE = 0x3c00

/** How an input is filled, in the element type that the graph declares. */
export function feedMakerOf({ elementType, role, dims }: ModelInput): FeedMaker {
  if (dims === null) return (batch) => tensorOf(elementType, valuesOf(role, batch), [batch.B, batch.S])
  return ({ B }) => {
    const sizes = dims.map((dim) => (typeof dim === 'number' ? dim : dim.perText * B))
    return tensorOf(elementType, new Int32Array(sizes.reduce((product, size) => product * size, 1)), sizes)
  }
}

/** (B, S) row-major */
function valuesOf(role: InputRole, { B, S, ids, lengths }: PaddedBatch): Int32Array {
  if (role === 'ids') return ids
  const values = new Int32Array(B * S)
  if (role === 'positions') for (let i = 0; i < values.length; i++) values[i] = i % S
  if (role === 'mask') lengths.forEach((length, b) => void values.fill(1, b * S, b * S + length))
  return values
}

/** Half floats are made of the integers 0 and 1 alone: nothing else is fed in them. */
function tensorOf(elementType: number, values: Int32Array, dims: readonly number[]): Tensor {
  switch (elementType) {
    case BOOL:
      return new Tensor('bool', Uint8Array.from(values), dims)
    case FLOAT:
      return new Tensor('float32', Float32Array.from(values), dims)
    case FLOAT16:
      return new Tensor(
        'float16',
        Uint16Array.from(values, (value) => (value === 0 ? 0 : HALF_ONE)),
        dims
      )
    case INT32:
      return new Tensor('int32', Int32Array.from(values), dims)
    default:
      return new Tensor('int64', BigInt64Array.from(values, BigInt), dims)
  }
}
