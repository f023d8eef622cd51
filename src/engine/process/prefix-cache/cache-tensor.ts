import { ServiceError } from '../../../errors.ts'
import { FLOAT, FLOAT16 } from '../../../model/onnx/graph.ts'
import type { ModelInput } from '../../../model/onnx/model-inputs.ts'
import { halfBits } from '../half-tensor.ts'

/** One tensor of keys or values of one text: (1, heads, length, size), or any shape with that order of elements. */
export interface CacheTensor {
  /** The input that takes it; the output that gives it goes by this name here as well. */
  readonly past: string
  /** Product of the dimensions in front of the length, the one of the texts left out. */
  readonly heads: number
  /** Product of the dimensions behind the length. */
  readonly size: number
  readonly elementBytes: 4 | 2
}

/** Elements [heads, length, size]; those of two bytes are the bits of a float16. */
export type CacheArray = Float32Array | Uint16Array

/** A stretch of columns of one array: `count` of them from `column` on. */
interface ColumnRange {
  readonly source: CacheArray
  readonly column: number
  readonly count: number
}

/** Space for `length` columns. */
export function emptyColumns({ heads, size, elementBytes }: CacheTensor, length: number): CacheArray {
  return elementBytes === 4 ? new Float32Array(heads * length * size) : new Uint16Array(heads * length * size)
}

/** Puts stretches of columns side by side into an array of just their size. Throws `internal_error` when a column is not there. */
export function joinColumns({ past, heads, size }: CacheTensor, ranges: readonly ColumnRange[], joined: CacheArray): CacheArray {
  const length = joined.length / (heads * size)
  let start = 0
  for (const { source, column, count } of ranges) {
    const width = source.length / (heads * size)
    if (!Number.isInteger(width) || column < 0 || column + count > width)
      throw new ServiceError('internal_error', `columns ${column} to ${column + count - 1} of ${past} were asked for; it has ${width}`)
    for (let head = 0; head < heads; head++) {
      const at = (head * width + column) * size
      joined.set(source.subarray(at, at + count * size), (head * length + start) * size)
    }
    start += count
  }
  return joined
}

/** The tensor's elements as they are stored: where JavaScript has a float16 array, its bits and not its numbers. */
export function elementsOf({ past, elementBytes }: CacheTensor, data: ArrayBufferView | undefined): CacheArray {
  const isWanted = elementBytes === 4 ? data instanceof Float32Array : data !== undefined && 'BYTES_PER_ELEMENT' in data && data.BYTES_PER_ELEMENT === 2
  if (data === undefined || !isWanted)
    throw new ServiceError('internal_error', `expected ${elementBytes}-byte floats for ${past}, got ${data?.constructor.name ?? 'nothing'}`)
  return elementBytes === 4 ? new Float32Array(data.buffer, data.byteOffset, data.byteLength / elementBytes) : halfBits(data)
}

/** Columns in the order of their tokens as few stretches as there are: those of a row without gaps are one. */
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

/** Columns are added by so many, so that a prefix that is a little longer needs no new memory. */
const STEP_COLUMNS = 128

/**
 * Memory for one past, used again for the next: new memory costs more than the copy, page by page, and the old one stays until it is
 * collected. What was handed out before is detached then: to read it is an error and never another prefix's numbers.
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

  /** Joins the stretches of each tensor, `length` columns in all. */
  fill(length: number, rangesOf: (t: number) => readonly ColumnRange[]): ReadonlyMap<string, CacheArray> {
    if (length > this.#columns) {
      this.#columns = Math.ceil(length / STEP_COLUMNS) * STEP_COLUMNS
      // Let go first: two of them never need room together.
      this.#buffers = []
      this.#buffers = this.#tensors.map(({ heads, size, elementBytes }) => new ArrayBuffer(heads * this.#columns * size * elementBytes))
    } else {
      // Moves the memory to a new owner; the arrays over the old one have length 0 from here on.
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
