/** Sequences of token ids laid into one row of T columns, each of their common prefixes once. */
export interface PackedRow {
  /** (T,) token ids, every token after all of its predecessors. */
  readonly ids: Int32Array
  /** (T,) place of each token in its own sequence, from 0. */
  readonly positions: Int32Array
  /** (T,) first column behind the tokens that continue this one: column j is a predecessor of i exactly when j <= i < ends[j]. */
  readonly ends: Int32Array
  /** The columns of each sequence, in the order in which the sequences came. */
  readonly paths: readonly Int32Array[]
  /** How many leading tokens of each sequence stand in columns of one before it. */
  readonly sharedCounts: readonly number[]
}

/**
 * Lays sequences into one row. Sorted, a sequence shares with the one before it the longest prefix that it shares with
 * any before, so each distinct prefix gets its column once.
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
    // The branch of the one before is complete behind what this one shares with it.
    for (const done of beforePath.subarray(shared)) ends[done] = column
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
  for (const done of beforePath) ends[done] = column
  return { ids, positions, ends, paths, sharedCounts }
}

/** T: how many columns `forestOf` needs. */
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

/** By the first id that differs; a prefix comes before what continues it. */
export function compareIds(a: Int32Array, b: Int32Array): number {
  const shared = commonLength(a, b)
  return shared === a.length || shared === b.length ? a.length - b.length : a[shared]! - b[shared]!
}

const NONE: Int32Array = new Int32Array(0)

/**
 * The sequences of a packed row while it is chosen, and how many columns each further one would add: those behind the
 * longest prefix that it shares with any of them. Sorted, that prefix is shared with a neighbour.
 *
 * All sequences that are given to one instance begin with the same `first` ids where they share them; sequences have to
 * come with falling `sharedWithFirst`, so that they are compared from there on alone.
 */
export class PackedRowBuilder {
  readonly #sorted: Int32Array[] = []
  #columns = 0

  /** T: columns of the row. */
  get columns(): number {
    return this.#columns
  }

  /** Columns that `ids` would add. `sharedWithFirst`: how many leading ids it has in common with the first that was added. */
  added(ids: Int32Array, sharedWithFirst: number): number {
    return ids.length - this.#shared(ids, sharedWithFirst, this.#placeOf(ids, sharedWithFirst))
  }

  add(ids: Int32Array, sharedWithFirst: number): void {
    const place = this.#placeOf(ids, sharedWithFirst)
    this.#columns += ids.length - this.#shared(ids, sharedWithFirst, place)
    this.#sorted.splice(place, 0, ids)
  }

  #shared(ids: Int32Array, from: number, place: number): number {
    const neighbours = [this.#sorted[place - 1], this.#sorted[place]].filter((each) => each !== undefined)
    return Math.max(0, ...neighbours.map((neighbour) => commonFrom(neighbour, ids, from)))
  }

  /** Where `ids` belongs among the sorted. */
  #placeOf(ids: Int32Array, from: number): number {
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

/** How many leading ids are equal, where the first `from` are known to be. */
function commonFrom(a: Int32Array, b: Int32Array, from: number): number {
  return from + commonLength(a.subarray(from), b.subarray(from))
}

function isBefore(a: Int32Array, b: Int32Array, from: number): boolean {
  const shared = commonFrom(a, b, from)
  return shared === a.length || shared === b.length ? a.length < b.length : a[shared]! < b[shared]!
}
