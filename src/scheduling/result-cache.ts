import type { Engine, RowDetail, RowScores } from '../engine/engine.ts'

/** Numbers of sequences scored before, as long as the engine that computed them is the one that serves. */
export class KnownResults {
  readonly #engine: Engine
  readonly #cache: ResultCache
  /** Of the engine when the kept numbers were computed. */
  #restarts = 0

  constructor(engine: Engine, maxBytes: number) {
    this.#engine = engine
    this.#cache = new ResultCache(maxBytes)
  }

  get(key: string): RowScores | null {
    this.#forgetReplaced()
    return this.#cache.get(key)
  }

  keep(key: string, rows: RowScores, topCount: number | null): void {
    this.#forgetReplaced()
    this.#cache.put(key, rows, topCount)
  }

  forget(): void {
    this.#cache.clear()
  }

  /** A process is replaced also because its numbers were wrong. */
  #forgetReplaced(): void {
    const { restarts = 0 } = this.#engine
    if (restarts !== this.#restarts) this.#cache.clear()
    this.#restarts = restarts
  }
}

/** What an entry takes beside its numbers: the key, the map's slot, objects and the headers of its arrays. */
const ENTRY_BYTES = 1024

interface Entry {
  readonly rows: RowScores
  readonly sizeBytes: number
}

/**
 * Numbers of sequences that were scored before, by their key: those used least recently go when they take more than
 * `maxBytes`. What it gives out must not be written to.
 */
export class ResultCache {
  readonly #maxBytes: number
  /** The most recently used last. */
  readonly #entries = new Map<string, Entry>()
  #sizeBytes = 0

  /** 0 keeps nothing. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  get(key: string): RowScores | null {
    const entry = this.#entries.get(key)
    if (entry === undefined) return null
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    return entry.rows
  }

  /** `topCount` as it was asked for: what a neighbour in the batch wanted more is not kept. */
  put(key: string, rows: RowScores, topCount: number | null): void {
    if (this.#maxBytes === 0 || this.#entries.has(key)) return
    const kept = copyOf(rows, topCount)
    const sizeBytes = bytesOf(kept)
    if (sizeBytes > this.#maxBytes) return
    this.#entries.set(key, { rows: kept, sizeBytes })
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
}

/** Arrays of their own: those of a message from the engine are views into all of it. */
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

function detailCopy({ ranks, entropies, probSquareSums, topCount: width, topIds, topLogProbs }: RowDetail, wanted: number): RowDetail {
  const topCount = Math.min(wanted, width)
  const firstOfRows = <T extends Int32Array | Float32Array>(values: T): T => values.filter((_, i) => i % width < topCount) as T
  return {
    ranks: ranks.slice(),
    entropies: entropies.slice(),
    probSquareSums: probSquareSums.slice(),
    topCount,
    topIds: firstOfRows(topIds),
    topLogProbs: firstOfRows(topLogProbs)
  }
}

function bytesOf({ logProbs, logSumExps, bestIds, bestLogProbs, detail, checksums }: RowScores): number {
  const ofDetail = detail === null ? [] : [detail.ranks, detail.entropies, detail.probSquareSums, detail.topIds, detail.topLogProbs]
  return [logProbs, logSumExps, bestIds, bestLogProbs, checksums, ...ofDetail].reduce((sum, { byteLength }) => sum + byteLength, ENTRY_BYTES)
}
