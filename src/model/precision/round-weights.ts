import { BLOCK_SIZE, type EightBitForm, LARGEST_ROW_WEIGHT } from './eight-bit-form.ts'

/** Rows of a stored matrix. */
export interface StoredRows {
  readonly rowCount: number
  readonly columnCount: number
  /** Whether the matrix is stored as (N, K), with a row for each output, instead of (K, N). */
  readonly isTransposed: boolean
  /** count x columnCount values; may return the same array, filled again. */
  rows(from: number, count: number): Float32Array
}

/** A rounded matrix in the layout of `RoundedWeight`. */
interface RoundedMatrix {
  readonly values: Uint8Array | Int8Array
  readonly scales: Float32Array
}

/** Columns that are transposed at a time: 16 float32 fill a cache line. */
const TRANSPOSED_COLUMNS = 16
/** Stored rows read at a time: a multiple of the block. */
const ROWS_AT_ONCE = BLOCK_SIZE

/** Rounds a matrix; holds one tile of it and the result in memory. */
export function roundWeights(stored: StoredRows, form: EightBitForm): RoundedMatrix {
  return form === 'blocks' ? roundBlocks(stored) : roundByOutput(stored)
}

/**
 * For MatMulNBits, as onnxruntime's quantizer does: scale = x / -128 for the x of largest magnitude in each block,
 * value = round(x / scale) + 128.
 */
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
    const transposed = new Float32Array(TRANSPOSED_COLUMNS * BLOCK_SIZE)
    for (let n = 0; n < N; n += TRANSPOSED_COLUMNS) {
      const width = Math.min(TRANSPOSED_COLUMNS, N - n)
      for (let row = 0; row < count; row++) for (let c = 0; c < width; c++) transposed[c * BLOCK_SIZE + row] = tile[row * N + n + c]!
      for (let c = 0; c < width; c++) round(transposed, c * BLOCK_SIZE, count, n + c, from / BLOCK_SIZE)
    }
  }
  return { values, scales }
}

/** Returns the scale. Computes in float32, like onnxruntime's quantizer. */
function roundBlock(source: Float32Array, at: number, count: number, values: Uint8Array, valuesAt: number): number {
  let low = 0
  let high = 0
  for (let i = at; i < at + count; i++) {
    const x = source[i]!
    if (x > high) high = x
    else if (x < low) low = x
  }
  const scale = Math.fround((high > -low ? high : low) / -128)
  const inverse = scale === 0 ? 0 : Math.fround(1 / scale)
  for (let i = 0; i < count; i++) {
    const value = (Math.fround(Math.fround(source[at + i]! * inverse) + 128) + 0.5) | 0
    // Never below 0, because the smallest quotient is -128.
    values[valuesAt + i] = Math.min(value, 255)
  }
  return scale
}

/** One scale per output, max |w| / 64. Reads a (K, N) matrix twice. */
function roundByOutput(stored: StoredRows): RoundedMatrix {
  const { rowCount, columnCount, isTransposed } = stored
  return isTransposed ? roundOutputRows(stored, columnCount, rowCount) : roundInputRows(stored, rowCount, columnCount)
}

function roundInputRows(stored: StoredRows, K: number, N: number): RoundedMatrix {
  const values = new Int8Array(K * N)
  const largest = new Float32Array(N)
  for (const { tile } of tilesOf(stored))
    for (let at = 0; at < tile.length; at += N)
      for (let n = 0; n < N; n++) {
        const magnitude = Math.abs(tile[at + n]!)
        if (magnitude > largest[n]!) largest[n] = magnitude
      }
  const scales = largest.map(scaleOf)
  const inverses = Float64Array.from(scales, (scale) => 1 / scale)
  for (const { tile, from } of tilesOf(stored))
    for (let at = 0; at < tile.length; at += N) for (let n = 0; n < N; n++) values[from * N + at + n] = nearest(tile[at + n]! * inverses[n]!)
  return { values, scales }
}

function roundOutputRows(stored: StoredRows, K: number, N: number): RoundedMatrix {
  const values = new Int8Array(K * N)
  const scales = new Float32Array(N)
  for (const { tile, from } of tilesOf(stored))
    for (let at = 0, n = from; at < tile.length; at += K, n++) {
      let largest = 0
      for (let k = 0; k < K; k++) largest = Math.max(largest, Math.abs(tile[at + k]!))
      scales[n] = scaleOf(largest)
      const inverse = 1 / scales[n]!
      for (let k = 0; k < K; k++) values[k * N + n] = nearest(tile[at + k]! * inverse)
    }
  return { values, scales }
}

function scaleOf(largest: number): number {
  return largest === 0 ? 1 : largest / LARGEST_ROW_WEIGHT
}

/**
 * Rounds to the nearest integer; a quotient exceeds the largest value by a rounding error at most. Truncating a
 * positive number is faster than Math.round and than a branch on the sign.
 */
function nearest(quotient: number): number {
  return ((quotient + LARGEST_ROW_WEIGHT + 0.5) | 0) - LARGEST_ROW_WEIGHT
}

function* tilesOf(stored: StoredRows): Generator<{ readonly tile: Float32Array; readonly from: number }> {
  for (let from = 0; from < stored.rowCount; from += ROWS_AT_ONCE) yield { tile: stored.rows(from, Math.min(ROWS_AT_ONCE, stored.rowCount - from)), from }
}
