/** Several token sequences in one row of T columns, with each common prefix once: a trie in depth-first order. */
export interface PackedRow {
  /** (T,) token ids; each token comes after all of its predecessors. */
  readonly ids: Int32Array
  /** (T,) position of each token in its own sequence, from 0. */
  readonly positions: Int32Array
  /**
   * (T,) first column after the continuations of this one: column j is a predecessor of i exactly when j <= i <
   * ends[j].
   */
  readonly ends: Int32Array
  /** The columns of each sequence, in the order of the sequences. */
  readonly paths: readonly Int32Array[]
  /** How many leading tokens of each sequence use columns of one laid before it. */
  readonly sharedCounts: readonly number[]
}

/**
 * Lays sequences into one packed row. In sorted order the neighbour before a sequence has the longest prefix in common
 * with it, so each distinct prefix gets exactly one column.
 */
export function packedRowOf(sequences: readonly Int32Array[]): PackedRow {
  const order = sequences.map((_, i) => i).sort((a, b) => compareIds(sequences[a]!, sequences[b]!))
  const T = packedRowSize(sequences)
  const [ids, positions, ends] = [new Int32Array(T), new Int32Array(T), new Int32Array(T)]
  const paths: Int32Array[] = Array.from(sequences, () => NONE)
  const sharedCounts = new Array<number>(sequences.length).fill(0)
  let column = 0
  let before: Int32Array = NONE
  let beforePath: Int32Array = NONE
  for (const index of order) {
    const sequence = sequences[index]!
    const shared = commonLength(before, sequence)
    // No later sequence continues the columns of the one before that this one does not share.
    for (const complete of beforePath.subarray(shared)) ends[complete] = column
    const path = new Int32Array(sequence.length)
    path.set(beforePath.subarray(0, shared))
    for (let position = shared; position < sequence.length; position++) {
      ids[column] = sequence[position]!
      positions[column] = position
      path[position] = column++
    }
    paths[index] = path
    sharedCounts[index] = shared
    before = sequence
    beforePath = path
  }
  for (const complete of beforePath) ends[complete] = column
  return { ids, positions, ends, paths, sharedCounts }
}

/** T: how many columns `packedRowOf` needs. */
export function packedRowSize(sequences: readonly Int32Array[]): number {
  let size = 0
  let before: Int32Array = NONE
  for (const sequence of [...sequences].sort(compareIds)) {
    size += sequence.length - commonLength(before, sequence)
    before = sequence
  }
  return size
}

/** How many leading ids are equal. */
export function commonLength(a: Int32Array, b: Int32Array): number {
  const end = Math.min(a.length, b.length)
  let length = 0
  while (length < end && a[length] === b[length]) length++
  return length
}

/** Orders by the first id that differs; a prefix comes before its continuations. */
export function compareIds(a: Int32Array, b: Int32Array): number {
  const shared = commonLength(a, b)
  return shared === a.length || shared === b.length ? a.length - b.length : a[shared]! - b[shared]!
}

const NONE: Int32Array = new Int32Array(0)

/**
 * Counts the columns of a packed row while a planner adds sequences to it. A further sequence adds the columns after
 * the longest prefix that it shares with any of them; in sorted order that is a prefix shared with a neighbour.
 *
 * `sharedWithFirst` is the number of leading ids that a sequence has in common with the first one added. Sequences have
 * to come in falling order of it: those added before share at least as many ids, so the comparison starts there.
 */
export class PackedRowBuilder {
  readonly #sorted: Int32Array[] = []
  #columns = 0

  /** T: columns of the row. */
  get columns(): number {
    return this.#columns
  }

  /** Columns that `ids` would add. */
  added(ids: Int32Array, sharedWithFirst: number): number {
    return ids.length - this.#shared(ids, sharedWithFirst, this.#indexOf(ids, sharedWithFirst))
  }

  add(ids: Int32Array, sharedWithFirst: number): void {
    const index = this.#indexOf(ids, sharedWithFirst)
    this.#columns += ids.length - this.#shared(ids, sharedWithFirst, index)
    this.#sorted.splice(index, 0, ids)
  }

  #shared(ids: Int32Array, from: number, index: number): number {
    const neighbours = [this.#sorted[index - 1], this.#sorted[index]].filter((each) => each !== undefined)
    return Math.max(0, ...neighbours.map((neighbour) => commonFrom(neighbour, ids, from)))
  }

  /** The index in sorted order at which to insert `ids`. */
  #indexOf(ids: Int32Array, from: number): number {
    let low = 0
    let high = this.#sorted.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (isBefore(this.#sorted[middle]!, ids, from)) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** How many leading ids are equal, given that the first `from` are. */
function commonFrom(a: Int32Array, b: Int32Array, from: number): number {
  return from + commonLength(a.subarray(from), b.subarray(from))
}

function isBefore(a: Int32Array, b: Int32Array, from: number): boolean {
  const shared = commonFrom(a, b, from)
  return shared === a.length || shared === b.length ? a.length < b.length : a[shared]! < b[shared]!
}
