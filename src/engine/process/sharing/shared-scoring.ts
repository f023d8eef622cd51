import { type Batch, type BatchScores, type RowScores, type ScoringSequence, withSequences } from '../../engine.ts'
import type { Pass } from '../pass.ts'
import type { CacheArray } from '../prefix-cache/cache-tensor.ts'
import type { PrefixCache } from '../prefix-cache/prefix-cache.ts'
import type { PrefixHistory } from '../prefix-cache/prefix-history.ts'
import { joinRows, type Rows } from '../row-scores.ts'
import { type KnownPrefix, packedPass } from './packed-pass.ts'
import { commonTokens, lengthsSharedWithAnother, longTextChunks, rowGroups, usableLength } from './pass-plan.ts'

/** Result of a pass: the rows of each of its sequences, and the keys and values of all P + S tokens if requested. */
interface PassScores {
  readonly rows: readonly Rows[]
  /** Keys and values by past input name. */
  readonly present: ReadonlyMap<string, CacheArray> | null
  readonly runMs: number
}

/** Runs one pass over the sequences that it was made for. */
export type RunPass = (pass: Pass, batch: Batch, wantsPresent: boolean) => Promise<PassScores>

interface SharedScoringParts {
  readonly run: RunPass
  /** Whether to pack several sequences into one row. */
  readonly packs: boolean
  /** Most tokens of a packed row, cached ones included. */
  readonly longestRow: number
  readonly cache: PrefixCache | null
  /** Null exactly when `cache` is. */
  readonly history: PrefixHistory | null
  /** Most columns of a pass after `pastLength` known tokens; used only with a cache, whose model accepts a past. */
  readonly widestPass: (pastLength: number) => number
}

/** Shorter prefixes are computed again instead of cached: an additional run of the graph would cost about as much. */
const LEAST_TOKENS = 16

/**
 * Scores batches of layout `shared`. The cached prefix of a group of sequences is not computed again, and the rest of
 * the group is one packed row. A prefix is cached at its second occurrence, which may be in the same batch.
 */
export class SharedScoring {
  readonly #parts: SharedScoringParts

  constructor(parts: SharedScoringParts) {
    this.#parts = parts
  }

  async score(batch: Batch): Promise<BatchScores> {
    const { packs, longestRow, history } = this.#parts
    const fed = batch.sequences.map(({ ids }) => ids.subarray(0, -1))
    // What several sequences of the batch begin with is cached as well: without packing they run one after the other,
    // and the next request often has more outputs for the same x.
    const inBatch = history === null ? [] : lengthsSharedWithAnother(fed)
    const repeatedLengths = fed.map((ids, i) => Math.max(history?.longest(ids) ?? 0, inBatch[i] ?? 0))
    for (const ids of fed) history?.note(ids)

    const rows: RowScores[] = []
    let runMs = 0
    for (const group of rowGroups(fed, packs ? longestRow : 0)) {
      const sequences = group.map((index) => batch.sequences[index]!)
      const scores = await this.#scoreRow(
        withSequences(batch, sequences),
        group.map((index) => repeatedLengths[index]!)
      )
      group.forEach((index, i) => {
        rows[index] = scores.rows[i]!
      })
      runMs += scores.runMs
    }
    return { rows, probes: [], runMs }
  }

  /** Scores several sequences in one packed row, or a single one in as many passes as it needs. */
  async #scoreRow(batch: Batch, repeatedLengths: readonly number[]): Promise<Pick<BatchScores, 'rows' | 'runMs'>> {
    const { run, cache } = this.#parts
    const { sequences } = batch
    const common = commonTokens(sequences)
    const match = cache?.match(common, common.length) ?? null
    const length = match === null ? 0 : usableLength(batch, { length: match.length, firstUnscored: (first) => first + match.rows(first).logProbs.length })
    const P = length < LEAST_TOKENS ? 0 : length
    const parts = sequences.map(({ firstScored }) => (match === null || P === 0 ? [] : [firstRows(match.rows(firstScored), P + 1 - firstScored)]))
    let prefix: KnownPrefix = { length: P, past: match === null || P === 0 ? null : cache!.assemble(match, P) }
    let runMs = 0

    const [only] = sequences
    if (cache !== null && only !== undefined && sequences.length === 1) {
      for (const { sequence, isWanted } of longTextChunks(only, P, this.#parts.widestPass)) {
        const chunk = await run(packedPass([sequence], prefix).pass, withSequences(batch, [sequence]), true)
        if (isWanted) parts[0]!.push(chunk.rows[0]!)
        prefix = { length: sequence.ids.length - 1, past: chunk.present }
        runMs += chunk.runMs
      }
    }

    const { pass, row } = packedPass(sequences, prefix)
    const cachedLength = match?.length ?? 0
    const storeEnds = repeatedLengths.map((end) => (cache !== null && end - cachedLength >= LEAST_TOKENS ? end : 0))
    const {
      rows,
      present,
      runMs: lastMs
    } = await run(
      pass,
      batch,
      storeEnds.some((end) => end > 0)
    )
    const scores = rows.map((own, i) => joinRows([...parts[i]!, own]))
    sequences.forEach((sequence, i) => {
      const columns = (end: number): Int32Array => columnsOf(row.paths[i]!, prefix.length, P, end)
      this.#store(sequence, scores[i]!, { from: P, columns, end: storeEnds[i]!, cachedLength, present })
    })
    return {
      rows: scores.map((own, i) => ({
        ...own,
        work: { computedTokens: prefix.length - P + row.paths[i]!.length - row.sharedCounts[i]!, cachedTokens: P }
      })),
      runMs: runMs + lastMs
    }
  }

  #store(sequence: ScoringSequence, scores: Rows, computed: Computed): void {
    const { cache } = this.#parts
    if (cache === null) return
    const { ids, firstScored, targets } = sequence
    const { from, columns, end, cachedLength, present } = computed
    const fed = ids.subarray(0, -1)
    // With `targets` the scores are those of labels, not of the sequence's own tokens.
    const rows = targets === undefined ? { ...scores, first: firstScored, logProbs: scores.logProbs.subarray(0, ids.length - firstScored) } : null
    if (end > from && present !== null) cache.insert(fed, { from, columns: columns(end), present }, rows)
    else if (rows !== null && cachedLength > from) cache.addRows(fed, cachedLength, rows)
  }
}

interface Computed {
  /** The first token that was computed. */
  readonly from: number
  /** Columns of tokens `from .. end - 1` in `present`. */
  readonly columns: (end: number) => Int32Array
  /** How many leading tokens to cache; 0 for none. */
  readonly end: number
  /** How many leading tokens were cached before the pass. */
  readonly cachedLength: number
  readonly present: ReadonlyMap<string, CacheArray> | null
}

/** Columns of tokens `from .. end - 1` in the last pass: those of its past in order, then those of its packed row. */
function columnsOf(path: Int32Array, pastLength: number, from: number, end: number): Int32Array {
  return Int32Array.from({ length: Math.max(0, end - from) }, (_, i) => {
    const token = from + i
    return token < pastLength ? token : pastLength + path[token - pastLength]!
  })
}

function firstRows(rows: Omit<Rows, 'detail'>, count: number): Rows {
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
