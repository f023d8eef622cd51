import { ServiceError } from '../../../errors.ts'
import { emptyRows, type KnownRows } from './token-rows.ts'
import type { TokenRun } from './token-run.ts'

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
