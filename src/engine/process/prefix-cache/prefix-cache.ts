import { ServiceError } from '../../../errors.ts'
import { type CacheArray, type CacheTensor, elementsOf, emptyColumns, joinColumns, PastBuffers, rangesOf } from './cache-tensor.ts'
import { type CachedRows, cutRun, type MatchedRun, PrefixMatch, ROW_BYTES, TokenRows, type TokenRun } from './cached-run.ts'
import { RadixTree } from './radix-tree.ts'

/** Overhead of a node and of each of its arrays beside the elements: objects, map and allocator. */
const NODE_BYTES = 1024
const ARRAY_BYTES = 256
const ID_BYTES = 4
/** Arrays of a node beside its keys and values: ids and rows. */
const OTHER_ARRAYS = 7

/** Totals since the start, except `storedTokens` and `entries`, which are current. */
interface PrefixCacheCounters {
  readonly hitTokens: number
  readonly missedTokens: number
  readonly insertedTokens: number
  readonly evictedTokens: number
  readonly storedTokens: number
  /** Runs of tokens. */
  readonly entries: number
}

/** Locates the keys and values of tokens `from .. from + columns.length - 1` in the outputs of a pass. */
export interface ComputedColumns {
  readonly from: number
  /** Column of each token, with gaps in a packed row. After a past of P tokens the first computed column is P. */
  readonly columns: Int32Array
  /** Elements [heads, width, size] by past input name. */
  readonly present: ReadonlyMap<string, ArrayBufferView>
}

/**
 * Stores keys and values of prefixes and the scores of their tokens, each common prefix once, within a bound in bytes.
 *
 *     match -> rows(first)      cached scores, which need no pass
 *           -> assemble         the past of the pass that computes the rest
 *     insert                    stores what that pass computed
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

  /** Size of all keys, values, rows and ids, overhead included. */
  get sizeBytes(): number {
    return this.#tree.weight
  }

  /** Size of the buffers of `assemble`: one past, as long as the longest so far. */
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

  /**
   * The longest cached prefix of ids, at most `limit` tokens. Marks it as used and counts its tokens as hits, the rest
   * as misses.
   */
  match(ids: Int32Array, limit: number): PrefixMatch {
    const path = this.#tree.find(ids, limit)
    this.#tree.use(path)
    this.#hitTokens += path.length
    this.#missedTokens += Math.max(0, Math.min(limit, ids.length) - path.length)
    return new PrefixMatch(path.steps.map(({ node, taken }) => ({ run: node.payload, count: taken })))
  }

  /**
   * Keys and values of the first `length` tokens of a match by past input name: elements [heads, length, size],
   * read-only. A prefix that is one whole run needs no copy. Any other is copied into buffers that stay valid until
   * another prefix is assembled.
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
   * Stores the tokens of ids up to the last computed one, as far as there is room, and `rows` for all stored tokens.
   * Tokens that are stored already stay as they are. Nothing is added when the tokens before `from` were evicted
   * meanwhile. Returns how many leading tokens are stored afterwards. Throws `internal_error` for a missing tensor or
   * column, and then stores nothing.
   */
  insert(ids: Int32Array, { from, columns, present }: ComputedColumns, rows: CachedRows | null): number {
    const end = from + columns.length
    const path = this.#tree.find(ids, end)
    if (path.length >= from) {
      this.#insertedTokens += this.#tree.extend(path, ids, end, (start, stop) => {
        const ranges = rangesOf(columns.subarray(start - from, stop - from))
        const blocks = this.#tensors.map((tensor) => {
          const source = elementsOf(tensor, present.get(tensor.past))
          const sources = ranges.map((range) => ({ source, ...range }))
          return joinColumns(tensor, sources, emptyColumns(tensor, stop - start))
        })
        return { length: stop - start, insertion: ++this.#insertions, blocks, rows: new TokenRows(stop - start) }
      })
    }
    return rows === null ? this.#tree.find(ids, end).length : this.addRows(ids, end, rows)
  }

  /**
   * Stores rows of those of the first `end` tokens that are cached and have none. Returns how many leading tokens are
   * cached.
   */
  addRows(ids: Int32Array, end: number, rows: CachedRows): number {
    const { steps, length } = this.#tree.find(ids, end)
    const until = rows.first + rows.logProbs.length
    let start = 0
    for (const { node, taken } of steps) {
      const to = Math.min(until, start + taken)
      for (let position = Math.max(rows.first, start); position < to; position++) node.payload.rows.set(position - start, rows, position - rows.first)
      start += taken
    }
    return length
  }
}

/** Nodes of a path for which `longestPrefix` leaves room. */
const RESERVED_NODES = 8

/** Most tokens of one prefix that a cache of `maxBytes` holds. */
export function longestPrefix(tensors: readonly CacheTensor[], maxBytes: number): number {
  const nodes = RESERVED_NODES * (NODE_BYTES + (tensors.length + OTHER_ARRAYS) * ARRAY_BYTES)
  return Math.max(0, Math.floor((maxBytes - nodes) / tokenBytes(tensors)))
}

/**
 * Bytes per cached token: keys and values of all layers, its row and its id. Throws `internal_error` for a tensor
 * without elements.
 */
export function tokenBytes(tensors: readonly CacheTensor[]): number {
  for (const { past, heads, size } of tensors) {
    if (!(heads > 0 && size > 0))
      throw new ServiceError('internal_error', `the cache tensor ${past} has ${heads} heads of size ${size}; expected at least 1 of each`)
  }
  return tensors.reduce((sum, { heads, size, elementBytes }) => sum + heads * size * elementBytes, ROW_BYTES + ID_BYTES)
}

/** Equal for two prefixes exactly when they have the same keys and values, however their runs are split. */
function contentKey(runs: readonly MatchedRun[]): string {
  const ends: { insertion: number; end: number }[] = []
  let end = 0
  for (const { run, count } of runs) {
    end += count
    const last = ends.at(-1)
    if (last?.insertion === run.insertion) last.end = end
    else ends.push({ insertion: run.insertion, end })
  }
  return ends.map(({ insertion, end }) => `${insertion}:${end}`).join()
}
