import { type Batch, type BatchScores, fedTokensOf, longestOf } from './engine.ts'

/** No batch is given less: the time of a small batch says little about the next one. */
const FLOOR_MS = 10_000
/** How many times the expected duration a batch may take: other processes may use the cores. */
const PATIENCE = 5
/** Computing time after which an observed batch counts for 1/e, in milliseconds. */
const DECAY_MS = 30_000
/** Row length at which attention costs as much as the rest of a small model; larger models only have more time. */
const PARITY_TOKENS = 500

/**
 * How long a batch may run before its process counts as hung: five times the duration that earlier batches lead one to
 * expect, at least 10 s, at most `batchTimeoutMs`.
 */
export class BatchTimeLimit {
  readonly #batchTimeoutMs: number
  #cost = 0
  #elapsedMs = 0

  constructor(batchTimeoutMs: number) {
    this.#batchTimeoutMs = batchTimeoutMs
  }

  observe(batch: Batch, { rows, runMs }: Pick<BatchScores, 'rows' | 'runMs'>): void {
    const decay = Math.exp(-runMs / DECAY_MS)
    // Cached tokens took no time, and the next batch may find none in the cache.
    const computed = batch.sequences.reduce((sum, { ids }, i) => sum + (rows[i]?.work?.computedTokens ?? ids.length - 1), 0)
    this.#cost = this.#cost * decay + costOf(computed, batch)
    this.#elapsedMs = this.#elapsedMs * decay + runMs
  }

  /**
   * The full `batchTimeoutMs` before the first batch was observed, and for a batch that a shorter limit may have ended
   * (`attempts` > 1), so that a wrong expectation costs a restart but no request.
   */
  limitMs(batch: Batch, attempts: number): number {
    if (this.#cost === 0 || attempts > 1) return this.#batchTimeoutMs
    const expectedMs = (this.#elapsedMs / this.#cost) * costOf(fedTokensOf(batch), batch)
    return Math.min(this.#batchTimeoutMs, Math.max(FLOOR_MS, PATIENCE * expectedMs))
  }
}

/** Grows with the tokens, and with the square of the longest row. */
function costOf(tokens: number, batch: Batch): number {
  return Math.max(1, tokens) * (1 + longestOf(batch) / PARITY_TOKENS)
}
