import { commonLength } from '../forest/forest.ts'

/**
 * The sequences of a packed row while it is chosen, and how many columns each further one would add: those behind the
 * longest prefix that it shares with any of them. Sorted, that prefix is shared with a neighbour.
 *
 * All sequences that are given to one instance begin with the same `first` ids where they share them; sequences have to
 * come with falling `sharedWithFirst`, so that they are compared from there on alone.
 */
export class ForestGrowth {
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
