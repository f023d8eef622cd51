import { ServiceError } from '../../../errors.ts'
import { FLOAT, FLOAT16 } from '../../../model/onnx/data-types.ts'
import type { ModelInput } from '../../../model/onnx/model-inputs.ts'
import { halfBits } from '../half-tensor.ts'

/**
 * Describes a tensor of keys or values for one sequence: (1, heads, length, size), or any shape with that order of
 * elements.
 */
export interface CacheTensor {
  /** Name of the past input. The output that returns the tensor goes by the same name in this folder. */
  readonly past: string
  /** Product of the dimensions before the length, without the batch dimension. */
  readonly heads: number
  /** Product of the dimensions after the length. */
  readonly size: number
  readonly elementBytes: 4 | 2
}

/** Elements [heads, length, size]; two-byte elements are the bits of a float16. */
export type CacheArray = Float32Array | Uint16Array

/** `count` columns of one array from `column` on. */
interface ColumnRange {
  readonly source: CacheArray
  readonly column: number
  readonly count: number
}

/** An array for `length` columns. */
export function emptyColumns({ heads, size, elementBytes }: CacheTensor, length: number): CacheArray {
  return elementBytes === 4 ? new Float32Array(heads * length * size) : new Uint16Array(heads * length * size)
}

/**
 * Copies ranges of columns side by side into `joined`, which has exactly their size. Throws `internal_error` for a
 * column out of range.
 */
export function joinColumns({ past, heads, size }: CacheTensor, ranges: readonly ColumnRange[], joined: CacheArray): CacheArray {
  const length = joined.length / (heads * size)
  let start = 0
  for (const { source, column, count } of ranges) {
    const width = source.length / (heads * size)
    if (!Number.isInteger(width) || column < 0 || column + count > width)
      throw new ServiceError('internal_error', `columns ${column} to ${column + count - 1} of ${past} were requested, but it has ${width} columns`)
    for (let head = 0; head < heads; head++) {
      const at = (head * width + column) * size
      joined.set(source.subarray(at, at + count * size), (head * length + start) * size)
    }
    start += count
  }
  return joined
}

/**
 * The elements as they are stored; for float16, whatever array type holds them, their bits rather than their values.
 */
export function elementsOf({ past, elementBytes }: CacheTensor, data: ArrayBufferView | undefined): CacheArray {
  const isWanted = elementBytes === 4 ? data instanceof Float32Array : data !== undefined && 'BYTES_PER_ELEMENT' in data && data.BYTES_PER_ELEMENT === 2
  if (data === undefined || !isWanted)
    throw new ServiceError('internal_error', `expected ${elementBytes}-byte floats for ${past}, got ${data?.constructor.name ?? 'nothing'}`)
  return elementBytes === 4 ? new Float32Array(data.buffer, data.byteOffset, data.byteLength / elementBytes) : halfBits(data)
}

/** Groups columns, in the order of their tokens, into the fewest ranges: one for a row without gaps. */
export function rangesOf(columns: Int32Array): { readonly column: number; readonly count: number }[] {
  const ranges: { column: number; count: number }[] = []
  for (const column of columns) {
    const last = ranges.at(-1)
    if (last !== undefined && last.column + last.count === column) last.count++
    else ranges.push({ column, count: 1 })
  }
  return ranges
}

/**
 * Describes how the cache stores a past input for one sequence. Dimensions before the length count as heads and those
 * after it as size, whatever they stand for. Throws `model_unsupported` for an input that is not a past of float32 or
 * float16.
 */
export function cacheTensorOf({ name, elementType, dims, role }: ModelInput): CacheTensor {
  if (role !== 'past' || dims === null || (elementType !== FLOAT && elementType !== FLOAT16))
    throw new ServiceError('model_unsupported', `the input ${name} cannot be stored in the prefix cache: expected a past of float32 or float16`)
  const sizes = pastDims(dims, 0)
  const lengthAt = sizes.indexOf(0)
  const product = (some: readonly number[]): number => some.reduce((all, size) => all * size, 1)
  return { past: name, heads: product(sizes.slice(0, lengthAt)), size: product(sizes.slice(lengthAt + 1)), elementBytes: elementType === FLOAT ? 4 : 2 }
}

/**
 * Dimensions of a past input for `rows` rows after `length` tokens, which take the place of the one dimension that is
 * 0.
 */
export function pastDims(dims: NonNullable<ModelInput['dims']>, length: number, rows = 1): number[] {
  return dims.map((dim) => (typeof dim !== 'number' ? dim.perText * rows : dim === 0 ? length : dim))
}

/** Buffers grow in steps of this many columns, so that a slightly longer prefix needs no new memory. */
const STEP_COLUMNS = 128

/**
 * Memory for one past, reused for the next one: allocating would cost more than the copy, in page faults, and the old
 * memory would stay until it is collected. Arrays returned before are detached, so reading them fails instead of
 * returning another prefix.
 */
export class PastBuffers {
  readonly #tensors: readonly CacheTensor[]
  #buffers: readonly ArrayBuffer[]
  #columns = 0

  constructor(tensors: readonly CacheTensor[]) {
    this.#tensors = tensors
    this.#buffers = tensors.map(() => new ArrayBuffer(0))
  }

  get sizeBytes(): number {
    return this.#buffers.reduce((sum, { byteLength }) => sum + byteLength, 0)
  }

  /** Joins the ranges of each tensor `t`, `length` columns in total. */
  fill(length: number, rangesOf: (t: number) => readonly ColumnRange[]): ReadonlyMap<string, CacheArray> {
    if (length > this.#columns) {
      this.#columns = Math.ceil(length / STEP_COLUMNS) * STEP_COLUMNS
      // Released first, so that old and new buffers never need memory at the same time.
      this.#buffers = []
      this.#buffers = this.#tensors.map(({ heads, size, elementBytes }) => new ArrayBuffer(heads * this.#columns * size * elementBytes))
    } else {
      // Transfers the memory to new buffers, which detaches the arrays over the old ones.
      this.#buffers = this.#buffers.map((buffer) => structuredClone(buffer, { transfer: [buffer] }))
    }
    return new Map(
      this.#tensors.map((tensor, t) => {
        const elements = tensor.heads * length * tensor.size
        const buffer = this.#buffers[t]!
        const target = tensor.elementBytes === 4 ? new Float32Array(buffer, 0, elements) : new Uint16Array(buffer, 0, elements)
        return [tensor.past, joinColumns(tensor, rangesOf(t), target)]
      })
    )
  }
}
