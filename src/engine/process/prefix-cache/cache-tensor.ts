import { ServiceError } from '../../../errors.ts'

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
export interface ColumnRange {
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
  const length = data.byteLength / elementBytes
  return elementBytes === 4 ? new Float32Array(data.buffer, data.byteOffset, length) : new Uint16Array(data.buffer, data.byteOffset, length)
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
