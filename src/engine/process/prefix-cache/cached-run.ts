import { ServiceError } from '../../../errors.ts'
import { type CacheArray, type CacheTensor, emptyColumns, joinColumns } from './cache-tensor.ts'

/**
 * What the cache stores for a run of consecutive tokens. Keys and values never change; rows are added as they are
 * scored.
 */
export interface TokenRun {
  readonly length: number
  /** Number of the insertion that stored it. Together with the position it identifies the keys and values. */
  readonly insertion: number
  /** One array [heads, length, size] per tensor. */
  readonly blocks: readonly CacheArray[]
  readonly rows: TokenRows
}

/**
 * Tokens `from .. to - 1` of a run, copied: views would keep the memory of the whole run until its last part is
 * evicted.
 */
export function cutRun(tensors: readonly CacheTensor[], { insertion, blocks, rows }: TokenRun, from: number, to: number): TokenRun {
  const cut = tensors.map((tensor, t) => joinColumns(tensor, [{ source: blocks[t]!, column: from, count: to - from }], emptyColumns(tensor, to - from)))
  return { length: to - from, insertion, blocks: cut, rows: rows.cut(from, to) }
}

/**
 * Scores of R consecutive tokens, the first at position `first`, each given all tokens before it; nats. Fields as in
 * `RowScores`.
 */
export interface CachedRows {
  readonly first: number
  readonly logProbs: Float32Array
  readonly logSumExps: Float32Array
  readonly bestIds: Int32Array
  readonly bestLogProbs: Float32Array
  readonly checksums: Int32Array
}

/** Bytes per token of `TokenRows`. */
export const ROW_BYTES = 5 * 4 + 1

/** Scores of a run of tokens, as far as they were computed. */
export class TokenRows {
  readonly #scored: Uint8Array
  readonly #logProbs: Float32Array
  readonly #logSumExps: Float32Array
  readonly #bestIds: Int32Array
  readonly #bestLogProbs: Float32Array
  readonly #checksums: Int32Array

  constructor(length: number) {
    this.#scored = new Uint8Array(length)
    this.#logProbs = new Float32Array(length)
    this.#logSumExps = new Float32Array(length)
    this.#bestIds = new Int32Array(length)
    this.#bestLogProbs = new Float32Array(length)
    this.#checksums = new Int32Array(length)
  }

  /**
   * Stores row `index` of `rows` for token `at` of the run, unless it has one: repeated requests get the same scores.
   */
  set(at: number, rows: CachedRows, index: number): void {
    if (this.#scored[at] === 1) return
    this.#scored[at] = 1
    this.#logProbs[at] = rows.logProbs[index]!
    this.#logSumExps[at] = rows.logSumExps[index]!
    this.#bestIds[at] = rows.bestIds[index]!
    this.#bestLogProbs[at] = rows.bestLogProbs[index]!
    this.#checksums[at] = rows.checksums[index]!
  }

  /** The first of tokens `from .. end - 1` without scores; `end` when all have them. */
  scoredUntil(from: number, end: number): number {
    let at = from
    while (at < end && this.#scored[at] === 1) at++
    return at
  }

  /** Copies tokens `from .. to - 1`, all scored, into `rows` from `index` on. */
  copyTo(rows: CachedRows, index: number, from: number, to: number): void {
    rows.logProbs.set(this.#logProbs.subarray(from, to), index)
    rows.logSumExps.set(this.#logSumExps.subarray(from, to), index)
    rows.bestIds.set(this.#bestIds.subarray(from, to), index)
    rows.bestLogProbs.set(this.#bestLogProbs.subarray(from, to), index)
    rows.checksums.set(this.#checksums.subarray(from, to), index)
  }

  /** A copy of tokens `from .. to - 1`. */
  cut(from: number, to: number): TokenRows {
    const cut = new TokenRows(to - from)
    cut.#scored.set(this.#scored.subarray(from, to))
    const rows = {
      first: 0,
      logProbs: cut.#logProbs,
      logSumExps: cut.#logSumExps,
      bestIds: cut.#bestIds,
      bestLogProbs: cut.#bestLogProbs,
      checksums: cut.#checksums
    }
    this.copyTo(rows, 0, from, to)
    return cut
  }
}

function emptyRows(first: number, R: number): CachedRows {
  return {
    first,
    logProbs: new Float32Array(R),
    logSumExps: new Float32Array(R),
    bestIds: new Int32Array(R),
    bestLogProbs: new Float32Array(R),
    checksums: new Int32Array(R)
  }
}

/** The first `count` tokens of a run. */
export interface MatchedRun {
  readonly run: TokenRun
  readonly count: number
}

/** A cached prefix. It stays valid when the cache splits or evicts its runs, because it holds their arrays itself. */
export class PrefixMatch {
  readonly #runs: readonly MatchedRun[]
  /** Tokens. */
  readonly length: number

  constructor(runs: readonly MatchedRun[]) {
    this.#runs = runs
    this.length = runs.reduce((sum, { count }) => sum + count, 0)
  }

  /** Rows of the tokens from `first` on up to the first one without scores. */
  rows(first: number): CachedRows {
    const parts: { readonly run: TokenRun; readonly from: number; readonly to: number }[] = []
    let start = 0
    let end = first
    for (const { run, count } of this.#runs) {
      if (start + count > first) {
        const from = Math.max(first - start, 0)
        const to = run.rows.scoredUntil(from, count)
        parts.push({ run, from, to })
        end = start + to
        if (to < count) break
      }
      start += count
    }
    const rows = emptyRows(first, end - first)
    let index = 0
    for (const { run, from, to } of parts) {
      run.rows.copyTo(rows, index, from, to)
      index += to - from
    }
    return rows
  }

  /** The runs of the first `length` tokens. Throws `internal_error` when the match is shorter. */
  runs(length: number): readonly MatchedRun[] {
    if (length < 0 || length > this.length)
      throw new ServiceError('internal_error', `keys and values of ${length} tokens were requested, but the match has ${this.length} tokens`)
    const runs: MatchedRun[] = []
    let left = length
    for (const { run, count } of this.#runs) {
      if (left === 0) break
      const taken = Math.min(count, left)
      runs.push({ run, count: taken })
      left -= taken
    }
    return runs
  }
}
