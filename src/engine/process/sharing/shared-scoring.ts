import type { Batch, BatchScores, RowScores, ScoringSequence } from '../../engine.ts'
import type { Pass } from '../pass.ts'
import type { CacheArray } from '../prefix-cache/cache-tensor.ts'
import type { PrefixCache } from '../prefix-cache/prefix-cache.ts'
import type { PrefixHistory } from '../prefix-cache/prefix-history.ts'
import { joinRows, type Rows } from '../row-scores.ts'
import { type KnownPrefix, packedPass } from './packed-pass.ts'
import { commonTokens, longTextChunks, rowGroups, usableLength } from './pass-plan.ts'

/** What a pass gave: the rows of each of its sequences, and the keys and values of all P + S tokens where they were wanted. */
export interface PassScores {
  readonly rows: readonly Rows[]
  /** By the name of the input that takes them. */
  readonly present: ReadonlyMap<string, CacheArray> | null
  readonly runMs: number
}

/** Runs one pass over the sequences that it was made for. */
export type RunPass = (pass: Pass, batch: Batch, wantsPresent: boolean) => Promise<PassScores>

export interface SharedParts {
  readonly run: RunPass
  /** Whether several sequences may stand in one row. */
  readonly packs: boolean
  /** Most tokens of a row with several sequences, known ones included. */
  readonly longestRow: number
  readonly cache: PrefixCache | null
  readonly seen: PrefixHistory | null
  /** Most columns that a pass may have behind so many known tokens; only asked with a cache, whose model can go on from a past. */
  readonly widestPass: (pastLength: number) => number
}

/** Fewer tokens than this are computed again rather than kept: a run of the graph costs about as much. */
const LEAST_TOKENS = 16

/**
 * Scores batches whose sequences may share their computation: a prefix that is kept from earlier batches is not computed
 * again, and what follows it stands in one row, each distinct continuation once. Prefixes are kept when they come for the
 * second time.
 */
export class SharedScoring {
  readonly #parts: SharedParts

  constructor(parts: SharedParts) {
    this.#parts = parts
  }

  async score(batch: Batch): Promise<BatchScores> {
    const { packs, longestRow, seen } = this.#parts
    const fed = batch.sequences.map(({ ids }) => ids.subarray(0, -1))
    // Siblings of one batch do not count: they are computed together in any case.
    const seenBefore = fed.map((ids) => seen?.longest(ids) ?? 0)
    for (const ids of fed) seen?.note(ids)

    const rows: RowScores[] = []
    let runMs = 0
    for (const group of rowGroups(fed, packs ? longestRow : 0)) {
      const sequences = group.map((index) => batch.sequences[index]!)
      const scores = await this.#scoreRow(
        { sequences, topCount: batch.topCount },
        group.map((index) => seenBefore[index]!)
      )
      group.forEach((index, i) => {
        rows[index] = scores.rows[i]!
      })
      runMs += scores.runMs
    }
    return { rows, probes: [], runMs }
  }

  /** Several sequences in one row, or one in as many passes as it needs. */
  async #scoreRow(batch: Batch, seenBefore: readonly number[]): Promise<Pick<BatchScores, 'rows' | 'runMs'>> {
    const { run, cache } = this.#parts
    const { sequences, topCount } = batch
    const common = commonTokens(sequences)
    const match = cache?.match(common, common.length) ?? null
    const length = match === null ? 0 : usableLength(batch, { length: match.length, firstUnknownRow: (first) => first + match.rows(first).logProbs.length })
    const P = length < LEAST_TOKENS ? 0 : length
    const known = sequences.map(({ firstScored }) => (match === null || P === 0 ? [] : [keptRows(match.rows(firstScored), P + 1 - firstScored)]))
    let prefix: KnownPrefix = { length: P, past: match === null || P === 0 ? null : cache!.assemble(match, P) }
    let runMs = 0

    const [only] = sequences
    if (cache !== null && only !== undefined && sequences.length === 1) {
      for (const { sequence, isWanted } of longTextChunks(only, P, this.#parts.widestPass)) {
        const piece = await run(packedPass([sequence], prefix).pass, { sequences: [sequence], topCount }, true)
        if (isWanted) known[0]!.push(piece.rows[0]!)
        prefix = { length: sequence.ids.length - 1, past: piece.present }
        runMs += piece.runMs
      }
    }

    const { pass, forest } = packedPass(sequences, prefix)
    const kept = match?.length ?? 0
    const keeps = seenBefore.map((end) => (cache !== null && end - kept >= LEAST_TOKENS ? end : 0))
    const {
      rows,
      present,
      runMs: lastMs
    } = await run(
      pass,
      batch,
      keeps.some((end) => end > 0)
    )
    const scores = rows.map((own, i) => joinRows([...known[i]!, own]))
    sequences.forEach((sequence, i) => {
      const columns = (end: number): Int32Array => columnsOf(forest.paths[i]!, prefix.length, P, end)
      this.#keep(sequence, scores[i]!, { from: P, columns, end: keeps[i]!, kept, present })
    })
    return {
      rows: scores.map((own, i) => ({
        ...own,
        work: { computedTokens: prefix.length - P + forest.paths[i]!.length - forest.sharedCounts[i]!, cachedTokens: P }
      })),
      runMs: runMs + lastMs
    }
  }

  #keep(sequence: ScoringSequence, scores: Rows, computed: Computed): void {
    const { cache } = this.#parts
    if (cache === null) return
    const { ids, firstScored, targets } = sequence
    const { from, columns, end, kept, present } = computed
    const fed = ids.subarray(0, -1)
    // The number of a label that stands in place of a token is not the token's.
    const rows = targets === undefined ? { ...scores, first: firstScored, logProbs: scores.logProbs.subarray(0, ids.length - firstScored) } : null
    if (end > from && present !== null) cache.insert(fed, { from, columns: columns(end), present }, rows)
    else if (rows !== null && kept > from) cache.learn(fed, kept, rows)
  }
}

interface Computed {
  /** The first token that was computed. */
  readonly from: number
  /** Where the tokens from there to `end` stand in `present`. */
  readonly columns: (end: number) => Int32Array
  /** How many leading tokens are worth keeping; 0 for none. */
  readonly end: number
  /** How many were kept before. */
  readonly kept: number
  readonly present: ReadonlyMap<string, CacheArray> | null
}

/** Columns of tokens `from` to `end` - 1: those of the last pass's past are in order, behind them stands its row. */
function columnsOf(path: Int32Array, pastLength: number, from: number, end: number): Int32Array {
  return Int32Array.from({ length: Math.max(0, end - from) }, (_, i) => {
    const token = from + i
    return token < pastLength ? token : pastLength + path[token - pastLength]!
  })
}

function keptRows(rows: Omit<Rows, 'detail'>, count: number): Rows {
  const cut = <T extends Float32Array | Int32Array>(values: T): T => values.subarray(0, Math.max(0, count)) as T
  return {
    logProbs: cut(rows.logProbs),
    logSumExps: cut(rows.logSumExps),
    bestIds: cut(rows.bestIds),
    bestLogProbs: cut(rows.bestLogProbs),
    checksums: cut(rows.checksums),
    detail: null
  }
}
