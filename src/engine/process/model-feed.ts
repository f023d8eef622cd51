import { Tensor } from 'onnxruntime-node'
import { BOOL, FLOAT, FLOAT16, INT32 } from '../../model/onnx/graph.ts'
import type { InputRole, ModelInput } from '../../model/onnx/model-inputs.ts'
import type { Pass } from './pass.ts'
import { pastDims } from './prefix-cache/cache-shape.ts'

/** Makes one input of a pass. */
export type FeedMaker = (pass: Pass) => Tensor

/** The bits of 1 as a float16. */
const HALF_ONE = 0x3c00

/** How an input is filled, in the element type that the graph declares. */
export function feedMakerOf({ name, elementType, role, dims }: ModelInput): FeedMaker {
  if (role === 'mask') return (pass) => tensorOf(elementType, maskOf(pass), [pass.B, pass.pastLength + pass.S])
  if (dims === null) return (pass) => tensorOf(elementType, valuesOf(role, pass), [pass.B, pass.S])
  return ({ B, pastLength, past }) => {
    const known = past?.get(name)
    const sizes = pastDims(dims, pastLength, B)
    if (known instanceof Float32Array) return new Tensor('float32', known, sizes)
    if (known instanceof Uint16Array) return new Tensor('float16', known, sizes)
    return tensorOf(elementType, new Int32Array(sizes.reduce((product, size) => product * size, 1)), sizes)
  }
}

/** (B, S) row-major */
function valuesOf(role: InputRole, { ids, positions }: Pass): Int32Array {
  if (role === 'ids') return ids
  return role === 'positions' ? positions : new Int32Array(ids.length)
}

/** (B, P + S) row-major: 1 for the past and for every token of the row. */
function maskOf({ B, S, pastLength, lengths }: Pass): Int32Array {
  const width = pastLength + S
  const mask = new Int32Array(B * width)
  lengths.forEach((length, b) => void mask.fill(1, b * width, b * width + pastLength + length))
  return mask
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
