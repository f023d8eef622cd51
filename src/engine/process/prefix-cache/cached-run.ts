import { ServiceError } from '../../../errors.ts'
import { type CacheArray, type CacheTensor, emptyColumns, joinColumns } from './cache-tensor.ts'

/** What is kept for a run of tokens. Keys and values never change once they are here; rows become known. */
export interface TokenRun {
  readonly length: number
  /** Number of the insertion it came with: together with the place in the sequence it tells keys and values apart from any others. */
  readonly stamp: number
  /** One array [heads, length, size] a tensor. */
  readonly blocks: readonly CacheArray[]
  readonly rows: TokenRows
}

/** Tokens `from .. to - 1` alone, in arrays of their own: a shared one would keep the memory of both parts until the last is evicted. */
export function cutRun(tensors: readonly CacheTensor[], { stamp, blocks, rows }: TokenRun, from: number, to: number): TokenRun {
  const cut = tensors.map((tensor, t) => joinColumns(tensor, [{ source: blocks[t]!, column: from, count: to - from }], emptyColumns(tensor, to - from)))
  return { length: to - from, stamp, blocks: cut, rows: rows.cut(from, to) }
}

/** Numbers of R tokens, the first of them at position `first`, each given all tokens before it; nats. Fields of `RowScores` fit. */
export interface KnownRows {
  readonly first: number
  readonly logProbs: Float32Array
  readonly logSumExps: Float32Array
  readonly bestIds: Int32Array
  readonly bestLogProbs: Float32Array
  readonly checksums: Int32Array
}

/** Bytes that `TokenRows` takes a token. */
export const ROW_BYTES = 5 * 4 + 1

/** The numbers of a run of tokens, as far as they are known. */
export class TokenRows {
  readonly #known: Uint8Array
  readonly #logProbs: Float32Array
  readonly #logSumExps: Float32Array
  readonly #bestIds: Int32Array
  readonly #bestLogProbs: Float32Array
  readonly #checksums: Int32Array

  constructor(length: number) {
    this.#known = new Uint8Array(length)
    this.#logProbs = new Float32Array(length)
    this.#logSumExps = new Float32Array(length)
    this.#bestIds = new Int32Array(length)
    this.#bestLogProbs = new Float32Array(length)
    this.#checksums = new Int32Array(length)
  }

  /** Takes row `index` of rows for token `at` of the run. What is known stays: the same question keeps its answer. */
  learn(at: number, rows: KnownRows, index: number): void {
    if (this.#known[at] === 1) return
    this.#known[at] = 1
    this.#logProbs[at] = rows.logProbs[index]!
    this.#logSumExps[at] = rows.logSumExps[index]!
    this.#bestIds[at] = rows.bestIds[index]!
    this.#bestLogProbs[at] = rows.bestLogProbs[index]!
    this.#checksums[at] = rows.checksums[index]!
  }

  /** First token from `from` on, before `end`, that is not known; `end` when all are. */
  knownUntil(from: number, end: number): number {
    let at = from
    while (at < end && this.#known[at] === 1) at++
    return at
  }

  /** Writes tokens `from .. to - 1`, all known, into rows from `index` on. */
  copyTo(rows: KnownRows, index: number, from: number, to: number): void {
    rows.logProbs.set(this.#logProbs.subarray(from, to), index)
    rows.logSumExps.set(this.#logSumExps.subarray(from, to), index)
    rows.bestIds.set(this.#bestIds.subarray(from, to), index)
    rows.bestLogProbs.set(this.#bestLogProbs.subarray(from, to), index)
    rows.checksums.set(this.#checksums.subarray(from, to), index)
  }

  /** Tokens `from .. to - 1` alone. */
  cut(from: number, to: number): TokenRows {
    const cut = new TokenRows(to - from)
    cut.#known.set(this.#known.subarray(from, to))
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

/** Space for the rows of R tokens. */
function emptyRows(first: number, R: number): KnownRows {
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

/** A cached prefix as it was when it was found. It stays whole when the cache splits or evicts its runs: it holds their arrays itself. */
export class PrefixMatch {
  readonly #runs: readonly MatchedRun[]
  /** Tokens. */
  readonly length: number

  constructor(runs: readonly MatchedRun[]) {
    this.#runs = runs
    this.length = runs.reduce((sum, { count }) => sum + count, 0)
  }

  /** The rows of as many tokens from `first` on as are known without a gap; none where the first is not. */
  rows(first: number): KnownRows {
    const pieces: { readonly run: TokenRun; readonly from: number; readonly to: number }[] = []
    let start = 0
    let end = first
    for (const { run, count } of this.#runs) {
      if (start + count > first) {
        const from = Math.max(first - start, 0)
        const to = run.rows.knownUntil(from, count)
        pieces.push({ run, from, to })
        end = start + to
        if (to < count) break
      }
      start += count
    }
    const rows = emptyRows(first, end - first)
    let index = 0
    for (const { run, from, to } of pieces) {
      run.rows.copyTo(rows, index, from, to)
      index += to - from
    }
    return rows
  }

  /** The runs of the first `length` tokens. Throws `internal_error` when they are more than were found. */
  runs(length: number): readonly MatchedRun[] {
    if (length < 0 || length > this.length)
      throw new ServiceError('internal_error', `the keys and values of ${length} tokens were asked for; the match has ${this.length}`)
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
