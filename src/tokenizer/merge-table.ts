/** The merges of a BPE vocabulary in typed arrays: 12 to 25 bytes each, where a map of texts takes 200. */

const NONE = -1
const FIELDS = 3

/** Ranks of pairs of token ids: a hash table with open addressing, of left id, right id and rank. */
export class MergeTable {
  readonly #slots: Int32Array
  readonly #mask: number
  /** By rank: the id of the merged token. */
  readonly #merged: Int32Array

  /** Merges with a part or a result that is no token are left out: no text can have them. */
  constructor(merges: readonly (string | readonly [string, string])[], idOf: (spelling: string) => number | undefined) {
    const size = 2 ** Math.ceil(Math.log2(2 * merges.length + 2))
    this.#mask = size - 1
    this.#slots = new Int32Array(FIELDS * size).fill(NONE)
    this.#merged = new Int32Array(merges.length)
    for (const [rank, merge] of merges.entries()) {
      const [left, right] = typeof merge === 'string' ? partsOf(merge) : merge
      const ids = [idOf(left), idOf(right), idOf(left + right)] as const
      const [leftId, rightId, mergedId] = ids
      if (leftId === undefined || rightId === undefined || mergedId === undefined) continue
      const slot = this.#slotOf(leftId, rightId)
      this.#slots[slot] = leftId
      this.#slots[slot + 1] = rightId
      this.#slots[slot + 2] = rank
      this.#merged[rank] = mergedId
    }
  }

  /** The rank of a pair, the lowest first; -1 if it does not merge. */
  rankOf(left: number, right: number): number {
    return this.#slots[this.#slotOf(left, right) + 2]!
  }

  mergedAt(rank: number): number {
    return this.#merged[rank]!
  }

  /** The slot of a pair, or the free one for it. */
  #slotOf(left: number, right: number): number {
    let hash = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b)
    hash ^= hash >>> 15
    for (let at = hash & this.#mask; ; at = (at + 1) & this.#mask) {
      const slot = FIELDS * at
      if (this.#slots[slot] === NONE || (this.#slots[slot] === left && this.#slots[slot + 1] === right)) return slot
    }
  }
}

/** Older files write the two parts with a space between them. */
function partsOf(merge: string): [string, string] {
  const space = merge.indexOf(' ')
  return [merge.slice(0, space), merge.slice(space + 1)]
}

/** Ids of at most this many symbols are merged by looking at all pairs, which is faster than a queue. */
const FEW = 32
/** Positions of a word are below this power of two. */
const POSITIONS = 2 ** 26

/**
 * Merges the first `count` ids in place, always the pair of the lowest rank, and among equal pairs the first one.
 * Returns how many ids are left.
 */
export function merge(ids: Int32Array, count: number, table: MergeTable): number {
  return count <= FEW ? mergeFew(ids, count, table) : mergeMany(ids, count, table)
}

const ranks = new Int32Array(FEW)

function mergeFew(ids: Int32Array, count: number, table: MergeTable): number {
  let left = count
  for (let at = 0; at + 1 < left; at++) ranks[at] = table.rankOf(ids[at]!, ids[at + 1]!)
  for (;;) {
    let best = NONE
    for (let at = 0; at + 1 < left; at++) if (ranks[at] !== NONE && (best === NONE || ranks[at]! < ranks[best]!)) best = at
    if (best === NONE) return left
    ids[best] = table.mergedAt(ranks[best]!)
    left--
    ids.copyWithin(best + 1, best + 2, left + 1)
    ranks.copyWithin(best + 1, best + 2, left)
    if (best + 1 < left) ranks[best] = table.rankOf(ids[best]!, ids[best + 1]!)
    if (best > 0) ranks[best - 1] = table.rankOf(ids[best - 1]!, ids[best]!)
  }
}

function mergeMany(ids: Int32Array, count: number, table: MergeTable): number {
  /** The neighbours of the id that begins at a position. */
  const next = Int32Array.from({ length: count }, (_, at) => (at + 1 < count ? at + 1 : NONE))
  const previous = Int32Array.from({ length: count }, (_, at) => at - 1)
  /** The rank of the pair that begins at a position. */
  const rankAt = new Int32Array(count).fill(NONE)
  const queue = new LowestFirst(count)
  const rank = (at: number): void => {
    const right = next[at]!
    const own = right === NONE ? NONE : table.rankOf(ids[at]!, ids[right]!)
    rankAt[at] = own
    if (own !== NONE) queue.push(own * POSITIONS + at)
  }
  for (let at = 0; at + 1 < count; at++) rank(at)
  for (let entry = queue.pop(); entry !== undefined; entry = queue.pop()) {
    const at = entry % POSITIONS
    const own = (entry - at) / POSITIONS
    // Another merge has changed the pair since.
    if (rankAt[at] !== own) continue
    const right = next[at]!
    ids[at] = table.mergedAt(own)
    rankAt[right] = NONE
    next[at] = next[right]!
    if (next[at] !== NONE) previous[next[at]!] = at
    rank(at)
    if (previous[at] !== NONE) rank(previous[at]!)
  }
  let left = 0
  for (let at = 0; at !== NONE; at = next[at]!) ids[left++] = ids[at]!
  return left
}

/** A binary heap of numbers. */
class LowestFirst {
  #heap: Float64Array
  #size = 0

  constructor(capacity: number) {
    this.#heap = new Float64Array(2 * capacity + 16)
  }

  push(value: number): void {
    if (this.#size === this.#heap.length) {
      const larger = new Float64Array(2 * this.#size)
      larger.set(this.#heap)
      this.#heap = larger
    }
    const heap = this.#heap
    let at = this.#size++
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (heap[parent]! <= value) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = value
  }

  pop(): number | undefined {
    if (this.#size === 0) return undefined
    const heap = this.#heap
    const lowest = heap[0]!
    const value = heap[--this.#size]!
    let at = 0
    for (let child = 1; child < this.#size; child = 2 * at + 1) {
      if (child + 1 < this.#size && heap[child + 1]! < heap[child]!) child++
      if (heap[child]! >= value) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = value
    return lowest
  }
}
