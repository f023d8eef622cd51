/** Sequences of token ids laid into one row of T columns, each of their common prefixes once. */
export interface Forest {
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
export function forestOf(sequences: readonly Int32Array[]): Forest {
  const order = sequences.map((_, i) => i).sort((a, b) => compareIds(sequences[a]!, sequences[b]!))
  const T = forestSize(sequences)
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
export function forestSize(sequences: readonly Int32Array[]): number {
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
