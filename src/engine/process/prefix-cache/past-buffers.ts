import { type CacheArray, type CacheTensor, type ColumnRange, joinColumns } from './cache-tensor.ts'

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
