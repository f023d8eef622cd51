/** Numbers of R tokens, the first of them at position `first`, each given all tokens before it; nats. Fields of `RowScores` fit. */
export interface KnownRows {
  readonly first: number
  readonly logProbs: Float32Array
  readonly logSumExps: Float32Array
  readonly bestIds: Int32Array
  readonly bestLogProbs: Float32Array
}

/** Bytes that `TokenRows` takes a token. */
export const ROW_BYTES = 4 * 4 + 1

/** The numbers of a run of tokens, as far as they are known. */
export class TokenRows {
  readonly #known: Uint8Array
  readonly #logProbs: Float32Array
  readonly #logSumExps: Float32Array
  readonly #bestIds: Int32Array
  readonly #bestLogProbs: Float32Array

  constructor(length: number) {
    this.#known = new Uint8Array(length)
    this.#logProbs = new Float32Array(length)
    this.#logSumExps = new Float32Array(length)
    this.#bestIds = new Int32Array(length)
    this.#bestLogProbs = new Float32Array(length)
  }

  /** Takes row `index` of rows for token `at` of the run. What is known stays: the same question keeps its answer. */
  learn(at: number, rows: KnownRows, index: number): void {
    if (this.#known[at] === 1) return
    this.#known[at] = 1
    this.#logProbs[at] = rows.logProbs[index]!
    this.#logSumExps[at] = rows.logSumExps[index]!
    this.#bestIds[at] = rows.bestIds[index]!
    this.#bestLogProbs[at] = rows.bestLogProbs[index]!
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
  }

  /** Tokens `from .. to - 1` alone. */
  cut(from: number, to: number): TokenRows {
    const cut = new TokenRows(to - from)
    cut.#known.set(this.#known.subarray(from, to))
    this.copyTo({ first: 0, logProbs: cut.#logProbs, logSumExps: cut.#logSumExps, bestIds: cut.#bestIds, bestLogProbs: cut.#bestLogProbs }, 0, from, to)
    return cut
  }
}

/** Space for the rows of R tokens. */
export function emptyRows(first: number, R: number): KnownRows {
  return { first, logProbs: new Float32Array(R), logSumExps: new Float32Array(R), bestIds: new Int32Array(R), bestLogProbs: new Float32Array(R) }
}
