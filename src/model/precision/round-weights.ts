import { BLOCK_SIZE, type EightBitForm, LARGEST_ROW_WEIGHT } from './form.ts'

/** Rows of a matrix as it is stored: `rows(from, count)` gives count x columns values. The same array may come back filled anew. */
export interface StoredRows {
  readonly rowCount: number
  readonly columnCount: number
  /** Whether the stored rows are outputs, (N, K), instead of inputs, (K, N). */
  readonly isTransposed: boolean
  rows(from: number, count: number): Float32Array
}

/** A rounded matrix as `RoundedWeight` lays it out. */
export interface RoundedMatrix {
  readonly values: Uint8Array | Int8Array
  readonly scales: Float32Array
}

/** Columns that are turned at once: 16 float32 are a line of the processor's cache. */
const TURNED_COLUMNS = 16
/** Stored rows read at once: a multiple of the block. */
const ROWS_AT_ONCE = BLOCK_SIZE

/** Rounds a matrix; holds one tile of it, and the rounded matrix. */
export function roundWeights(stored: StoredRows, form: EightBitForm): RoundedMatrix {
  return form === 'blocks' ? roundBlocks(stored) : roundByOutput(stored)
}

/** MatMulNBits: scale = x / -128 for the x of largest magnitude of each block, value = round(x / scale) + 128, as onnxruntime's quantizer does. */
function roundBlocks(stored: StoredRows): RoundedMatrix {
  const { rowCount, columnCount, isTransposed } = stored
  const [K, N] = isTransposed ? [columnCount, rowCount] : [rowCount, columnCount]
  const blocks = Math.ceil(K / BLOCK_SIZE)
  const values = new Uint8Array(N * blocks * BLOCK_SIZE).fill(128)
  const scales = new Float32Array(N * blocks)
  const round = (source: Float32Array, at: number, count: number, n: number, block: number): void => {
    scales[n * blocks + block] = roundBlock(source, at, count, values, (n * blocks + block) * BLOCK_SIZE)
  }
  for (let from = 0; from < rowCount; from += ROWS_AT_ONCE) {
    const count = Math.min(ROWS_AT_ONCE, rowCount - from)
    const tile = stored.rows(from, count)
    if (isTransposed) {
      for (let row = 0; row < count; row++)
        for (let block = 0; block < blocks; block++) round(tile, row * K + block * BLOCK_SIZE, Math.min(BLOCK_SIZE, K - block * BLOCK_SIZE), from + row, block)
      continue
    }
    const turned = new Float32Array(TURNED_COLUMNS * BLOCK_SIZE)
    for (let n = 0; n < N; n += TURNED_COLUMNS) {
      const width = Math.min(TURNED_COLUMNS, N - n)
      for (let row = 0; row < count; row++) for (let c = 0; c < width; c++) turned[c * BLOCK_SIZE + row] = tile[row * N + n + c] ?? 0
      for (let c = 0; c < width; c++) round(turned, c * BLOCK_SIZE, count, n + c, from / BLOCK_SIZE)
    }
  }
  return { values, scales }
}

/** Gives the scale. All in float32, as the quantizer of onnxruntime computes. */
function roundBlock(source: Float32Array, at: number, count: number, values: Uint8Array, valuesAt: number): number {
  let low = 0
  let high = 0
  for (let i = at; i < at + count; i++) {
    const x = source[i] ?? 0
    if (x > high) high = x
    else if (x < low) low = x
  }
  const scale = Math.fround((high > -low ? high : low) / -128)
  const inverse = scale === 0 ? 0 : Math.fround(1 / scale)
  for (let i = 0; i < count; i++) {
    const value = Math.floor(Math.fround(Math.fround((source[at + i] ?? 0) * inverse) + 128) + 0.5)
    values[valuesAt + i] = Math.min(255, Math.max(0, value))
  }
  return scale
}

/** One scale an output: max |w| / 64. Two passes over the stored rows where they are inputs. */
function roundByOutput(stored: StoredRows): RoundedMatrix {
  const { rowCount, columnCount, isTransposed } = stored
  const [K, N] = isTransposed ? [columnCount, rowCount] : [rowCount, columnCount]
  const values = new Int8Array(K * N)
  const largest = new Float32Array(N)
  const inverses = new Float64Array(N)
  const eachTile = (use: (tile: Float32Array, from: number, count: number) => void): void => {
    for (let from = 0; from < rowCount; from += ROWS_AT_ONCE) {
      const count = Math.min(ROWS_AT_ONCE, rowCount - from)
      use(stored.rows(from, count), from, count)
    }
  }
  eachTile((tile, from, count) => {
    for (let row = 0, at = 0; row < count; row++)
      for (let column = 0; column < columnCount; column++, at++) {
        const magnitude = Math.abs(tile[at] ?? 0)
        const n = isTransposed ? from + row : column
        if (magnitude > (largest[n] ?? 0)) largest[n] = magnitude
      }
  })
  const scales = largest.map((each) => (each === 0 ? 1 : each / LARGEST_ROW_WEIGHT))
  scales.forEach((scale, n) => {
    inverses[n] = 1 / scale
  })
  // Of what (k, n) is at k * N + n: the step from one stored row to the next, and from one column to the next.
  const [rowStep, columnStep] = isTransposed ? [1, N] : [N, 1]
  eachTile((tile, from, count) => {
    for (let row = 0, at = 0; row < count; row++)
      for (let column = 0; column < columnCount; column++, at++) {
        const n = isTransposed ? from + row : column
        // A quotient may pass the largest value by a rounding error, and rounds back to it.
        values[(from + row) * rowStep + column * columnStep] = Math.round((tile[at] ?? 0) * (inverses[n] ?? 0))
      }
  })
  return { values, scales }
}
