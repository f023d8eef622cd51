/** How much of the head's work one batch may take at a time. */
export interface RowLimits {
  readonly maxChunkRows: number
  /** Rows that may be given out whole, of all chunks together. */
  readonly maxProbedRows: number
}

/** Floats of one chunk of logits, 16 MB: large enough to fill the matrix kernels, small beside any model. */
const CHUNK_LOGITS = 1 << 22
const MIN_CHUNK_ROWS = 16
const MAX_CHUNK_ROWS = 512
/** Raw logits that a batch may give out; with their log-probs 128 MB. */
const PROBED_LOGITS = 1 << 24

export function headRowLimits(vocabSize: number): RowLimits {
  return {
    maxChunkRows: Math.min(MAX_CHUNK_ROWS, Math.max(MIN_CHUNK_ROWS, Math.floor(CHUNK_LOGITS / vocabSize))),
    maxProbedRows: Math.floor(PROBED_LOGITS / vocabSize)
  }
}

/** N chunks of C rows that so many scored rows are cut into. */
export function headChunks(rowCount: number, maxChunkRows: number): { readonly N: number; readonly C: number } {
  const N = Math.ceil(rowCount / maxChunkRows)
  return { N, C: Math.ceil(rowCount / N) }
}
