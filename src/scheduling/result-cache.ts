import type { Engine, RowDetail, RowScores } from '../engine/engine.ts'

/** What an entry occupies beside its arrays: the key, the map's slot, objects and array headers. */
const ENTRY_OVERHEAD_BYTES = 1024

interface Entry {
  readonly rows: RowScores
  readonly sizeBytes: number
}

/**
 * Scores of sequences computed earlier, by `keyOfJob`. Beyond `maxBytes` the least recently used entries are dropped.
 * When a process of the engine is replaced, all of them are: its scores may have been the reason. Callers must not
 * write to the arrays.
 */
export class ResultCache {
  readonly #engine: Pick<Engine, 'restarts'>
  readonly #maxBytes: number
  /** Ordered by use, the most recent last. */
  readonly #entries = new Map<string, Entry>()
  #sizeBytes = 0
  /** Value of `engine.restarts` when the entries were computed. */
  #restarts = 0

  /** A `maxBytes` of 0 turns the cache off. */
  constructor(engine: Pick<Engine, 'restarts'>, maxBytes: number) {
    this.#engine = engine
    this.#maxBytes = maxBytes
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  get(key: string): RowScores | null {
    this.#clearAfterRestart()
    const entry = this.#entries.get(key)
    if (entry === undefined) return null
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    return entry.rows
  }

  /** `topCount` is what this job asked for; a batch may have computed more top tokens for another job. */
  put(key: string, rows: RowScores, topCount: number | null): void {
    this.#clearAfterRestart()
    if (this.#maxBytes === 0 || this.#entries.has(key)) return
    const copy = copyOf(rows, topCount)
    const sizeBytes = bytesOf(copy)
    if (sizeBytes > this.#maxBytes) return
    this.#entries.set(key, { rows: copy, sizeBytes })
    this.#sizeBytes += sizeBytes
    for (const [oldest, { sizeBytes: freed }] of this.#entries) {
      if (this.#sizeBytes <= this.#maxBytes) return
      this.#entries.delete(oldest)
      this.#sizeBytes -= freed
    }
  }

  clear(): void {
    this.#entries.clear()
    this.#sizeBytes = 0
  }

  #clearAfterRestart(): void {
    const { restarts = 0 } = this.#engine
    if (restarts !== this.#restarts) this.clear()
    this.#restarts = restarts
  }
}

/** Copies the arrays, because those of the engine are views into a whole message and would keep all of it alive. */
function copyOf({ logProbs, logSumExps, bestIds, bestLogProbs, detail, checksums }: RowScores, topCount: number | null): RowScores {
  return {
    logProbs: logProbs.slice(),
    logSumExps: logSumExps.slice(),
    bestIds: bestIds.slice(),
    bestLogProbs: bestLogProbs.slice(),
    detail: detail === null || topCount === null ? null : detailCopy(detail, topCount),
    checksums: checksums.slice()
  }
}

function detailCopy({ ranks, entropies, probSquareSums, variances, wordStarts, topCount: width, topIds, topLogProbs }: RowDetail, wanted: number): RowDetail {
  const topCount = Math.min(wanted, width)
  const firstOfRows = <T extends Int32Array | Float32Array>(values: T): T =>
    (topCount === width ? values.slice() : values.filter((_, i) => i % width < topCount)) as T
  return {
    ranks: ranks.slice(),
    entropies: entropies.slice(),
    probSquareSums: probSquareSums.slice(),
    ...(variances === undefined ? {} : { variances: variances.slice() }),
    ...(wordStarts === undefined ? {} : { wordStarts: wordStarts.slice() }),
    topCount,
    topIds: firstOfRows(topIds),
    topLogProbs: firstOfRows(topLogProbs)
  }
}

function arraysOf({ ranks, entropies, probSquareSums, variances, wordStarts, topIds, topLogProbs }: RowDetail): (Int32Array | Float32Array)[] {
  return [ranks, entropies, probSquareSums, variances, wordStarts, topIds, topLogProbs].filter((values) => values !== undefined)
}

function bytesOf({ logProbs, logSumExps, bestIds, bestLogProbs, detail, checksums }: RowScores): number {
  const ofDetail = detail === null ? [] : arraysOf(detail)
  return [logProbs, logSumExps, bestIds, bestLogProbs, checksums, ...ofDetail].reduce((sum, { byteLength }) => sum + byteLength, ENTRY_OVERHEAD_BYTES)
}
