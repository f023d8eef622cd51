/** How many rows of logits a batch may hold at a time. */
export interface RowLimits {
  /** Scored rows of one chunk. */
  readonly maxChunkRows: number
  /** Rows whose raw logits are returned, over all chunks. */
  readonly maxProbedRows: number
}

/**
 * Floats of one chunk of logits, 16 MiB: large enough to keep the matrix kernels busy, small compared with any model.
 */
const CHUNK_LOGITS = 1 << 22
const MIN_CHUNK_ROWS = 16
const MAX_CHUNK_ROWS = 512
/** Raw logits that a batch may return; 128 MiB together with their log-probs. */
const PROBED_LOGITS = 1 << 24

export function headRowLimits(vocabSize: number): RowLimits {
  return {
    maxChunkRows: Math.min(MAX_CHUNK_ROWS, Math.max(MIN_CHUNK_ROWS, Math.floor(CHUNK_LOGITS / vocabSize))),
    maxProbedRows: Math.floor(PROBED_LOGITS / vocabSize)
  }
}

/** Splits scored rows into N chunks of C rows. */
export function headChunks(rowCount: number, maxChunkRows: number): { readonly N: number; readonly C: number } {
  const N = Math.ceil(rowCount / maxChunkRows)
  return { N, C: Math.ceil(rowCount / N) }
}
