import { ServiceError } from '../../../errors.ts'
import { type CacheArray, type CacheTensor, elementsOf, emptyColumns, joinColumns, PastBuffers, rangesOf } from './cache-tensor.ts'
import { cutRun, type KnownRows, type MatchedRun, PrefixMatch, ROW_BYTES, TokenRows, type TokenRun } from './cached-run.ts'
import { RadixTree } from './radix-tree.ts'

/** Of a node and of each of its arrays, beside the elements: objects, map and allocator. */
const NODE_BYTES = 1024
const ARRAY_BYTES = 256
const ID_BYTES = 4
/** Arrays of a node beside those of keys and values: ids and rows. */
const OTHER_ARRAYS = 7

/** Sums since the start, but for `entries` and `storedTokens`. */
export interface PrefixCacheCounters {
  readonly hitTokens: number
  readonly missedTokens: number
  readonly insertedTokens: number
  readonly evictedTokens: number
  /** Tokens that are there now. */
  readonly storedTokens: number
  /** Runs of tokens that are there now. */
  readonly entries: number
}

/** Where the keys and values of tokens `from .. from + columns.length - 1` stand in the outputs of a pass. */
export interface ComputedColumns {
  readonly from: number
  /** Column of each token; a packed row has gaps between them. Behind a past of P tokens the first computed column is P. */
  readonly columns: Int32Array
  /** By the name of the input: elements [heads, width, size]. */
  readonly present: ReadonlyMap<string, ArrayBufferView>
}

/**
 * Keys and values of prefixes, and the numbers of their tokens, each common prefix once; bounded in bytes.
 *
 *     match -> rows(first)      numbers that need no pass
 *           -> assemble         the past of a pass that computes the rest
 *     insert                    what a pass has computed
 */
export class PrefixCache {
  readonly #tensors: readonly CacheTensor[]
  readonly #tree: RadixTree<TokenRun>
  readonly #buffers: PastBuffers
  #assembled: { readonly key: string; readonly past: ReadonlyMap<string, CacheArray> } | null = null
  #insertions = 0
  #hitTokens = 0
  #missedTokens = 0
  #insertedTokens = 0

  /** `maxBytes` bounds `sizeBytes`; 0 stores nothing. The memory of one assembled past comes on top. */
  constructor(tensors: readonly CacheTensor[], maxBytes: number) {
    this.#tensors = tensors
    this.#buffers = new PastBuffers(tensors)
    const bound = { capacity: maxBytes, node: NODE_BYTES + (tensors.length + OTHER_ARRAYS) * ARRAY_BYTES, token: tokenBytes(tensors) }
    this.#tree = new RadixTree(bound, (run, from, to) => cutRun(tensors, run, from, to))
  }

  /** Keys, values, rows and ids that are stored, and what it costs to keep them apart. */
  get sizeBytes(): number {
    return this.#tree.weight
  }

  /** What `assemble` keeps beside it: one past, as long as the longest so far. */
  get assembledBytes(): number {
    return this.#buffers.sizeBytes
  }

  get counters(): PrefixCacheCounters {
    const evictedTokens = this.#tree.evictedTokens
    return {
      hitTokens: this.#hitTokens,
      missedTokens: this.#missedTokens,
      insertedTokens: this.#insertedTokens,
      evictedTokens,
      storedTokens: this.#insertedTokens - evictedTokens,
      entries: this.#tree.nodeCount
    }
  }

  /** The longest cached prefix of ids, at most `limit` tokens, which counts as used and, against `limit`, as hit. */
  match(ids: Int32Array, limit: number): PrefixMatch {
    const path = this.#tree.find(ids, limit)
    this.#tree.use(path)
    this.#hitTokens += path.length
    this.#missedTokens += Math.max(0, Math.min(limit, ids.length) - path.length)
    return new PrefixMatch(path.steps.map(({ node, taken }) => ({ run: node.payload, count: taken })))
  }

  /**
   * Keys and values of the first `length` tokens of a match, by the name of the input: elements [heads, length, size], nobody writes to them.
   * A whole run is given as it is stored. Else they are a copy, valid until the next one, which is kept for passes over the same prefix.
   */
  assemble(match: PrefixMatch, length: number): ReadonlyMap<string, CacheArray> {
    const runs = match.runs(length)
    const [first] = runs
    if (first === undefined) return new Map(this.#tensors.map((tensor) => [tensor.past, emptyColumns(tensor, 0)]))
    if (runs.length === 1 && first.count === first.run.length) return new Map(this.#tensors.map(({ past }, t) => [past, first.run.blocks[t]!]))
    const key = contentKey(runs)
    if (this.#assembled?.key !== key) {
      this.#assembled = null
      const past = this.#buffers.fill(length, (t) => runs.map(({ run, count }) => ({ source: run.blocks[t]!, column: 0, count })))
      this.#assembled = { key, past }
    }
    return this.#assembled.past
  }

  /**
   * Stores the tokens of ids up to the last computed one, as far as there is room: those that are there already stay, the others are copied.
   * Rows are learned for every token that is there then. Returns how many leading tokens are there then. They end before `from` when the
   * prefix was evicted meanwhile, and nothing is stored then. Throws `internal_error` when a tensor or a column is missing; nothing is stored then either.
   */
  insert(ids: Int32Array, { from, columns, present }: ComputedColumns, rows: KnownRows | null): number {
    const end = from + columns.length
    const path = this.#tree.find(ids, end)
    if (path.length >= from) {
      this.#insertedTokens += this.#tree.extend(path, ids, end, (start, stop) => {
        const ranges = rangesOf(columns.subarray(start - from, stop - from))
        const blocks = this.#tensors.map((tensor) => {
          const source = elementsOf(tensor, present.get(tensor.past))
          const wanted = ranges.map((range) => ({ source, ...range }))
          return joinColumns(tensor, wanted, emptyColumns(tensor, stop - start))
        })
        return { length: stop - start, stamp: ++this.#insertions, blocks, rows: new TokenRows(stop - start) }
      })
    }
    return rows === null ? this.#tree.find(ids, end).length : this.learn(ids, end, rows)
  }

  /** Keeps rows for those of the first `end` tokens that are there, known ones as they are; returns how many leading tokens are there. */
  learn(ids: Int32Array, end: number, rows: KnownRows): number {
    const { steps, length } = this.#tree.find(ids, end)
    const until = rows.first + rows.logProbs.length
    let start = 0
    for (const { node, taken } of steps) {
      const to = Math.min(until, start + taken)
      for (let position = Math.max(rows.first, start); position < to; position++) node.payload.rows.learn(position - start, rows, position - rows.first)
      start += taken
    }
    return length
  }
}

/** What a token costs in the cache: keys and values of all layers, its numbers and its id. Throws `internal_error` for a tensor without elements. */
export function tokenBytes(tensors: readonly CacheTensor[]): number {
  for (const { past, heads, size } of tensors) {
    if (!(heads > 0 && size > 0)) throw new ServiceError('internal_error', `the cache tensor ${past} has ${heads} heads of ${size}; expected at least 1 of 1`)
  }
  return tensors.reduce((sum, { heads, size, elementBytes }) => sum + heads * size * elementBytes, ROW_BYTES + ID_BYTES)
}

/** Equal for two prefixes exactly when their keys and values are the same ones, however their runs were split. */
function contentKey(runs: readonly MatchedRun[]): string {
  const ends: { stamp: number; end: number }[] = []
  let end = 0
  for (const { run, count } of runs) {
    end += count
    const last = ends.at(-1)
    if (last?.stamp === run.stamp) last.end = end
    else ends.push({ stamp: run.stamp, end })
  }
  return ends.map(({ stamp, end }) => `${stamp}:${end}`).join()
}
