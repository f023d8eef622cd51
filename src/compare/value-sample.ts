import { elementAt } from '../element-at.ts'
import { quantileOf } from '../perplexity/corpus.ts'

/** Values that are kept: 32 MiB. */
const MAX_KEPT_VALUES = 2 ** 22

/** Moments of any number of values, and their quantiles: exact up to `capacity` values, else of a uniform sample. */
export class ValueSample {
  readonly #capacity: number
  #kept = new Float64Array(1024)
  #count = 0
  #sum = 0
  #sumOfAbsolutes = 0
  #sumOfSquares = 0
  #least = Number.POSITIVE_INFINITY
  #most = Number.NEGATIVE_INFINITY
  #state = 1

  constructor(capacity = MAX_KEPT_VALUES) {
    this.#capacity = capacity
  }

  get count(): number {
    return this.#count
  }

  /** Whether quantiles come from a sample. */
  get isSampled(): boolean {
    return this.#count > this.#capacity
  }

  add(value: number): void {
    this.#sum += value
    this.#sumOfAbsolutes += Math.abs(value)
    this.#sumOfSquares += value * value
    this.#least = Math.min(this.#least, value)
    this.#most = Math.max(this.#most, value)
    const place = this.#count < this.#capacity ? this.#count : Math.floor(this.#random() * (this.#count + 1))
    this.#count++
    if (place >= this.#capacity) return
    if (place === this.#kept.length) {
      const longer = new Float64Array(Math.min(this.#capacity, 2 * place))
      longer.set(this.#kept)
      this.#kept = longer
    }
    this.#kept[place] = value
  }

  /** Null without values. */
  summary(quantiles: readonly number[]): ValueSummary | null {
    if (this.#count === 0) return null
    const mean = this.#sum / this.#count
    const sorted = this.sorted()
    return {
      mean,
      mean_absolute: this.#sumOfAbsolutes / this.#count,
      standard_deviation: Math.sqrt(Math.max(0, this.#sumOfSquares / this.#count - mean * mean)),
      min: this.#least,
      max: this.#most,
      quantiles: quantiles.map((quantile) => ({ quantile, value: quantileOf(sorted, quantile) })),
      quantiles_of_sample: this.isSampled
    }
  }

  /** The kept values in ascending order. */
  sorted(): Float64Array {
    return this.#kept.slice(0, Math.min(this.#count, this.#capacity)).sort()
  }

  /** Xorshift: the same sample in every run. */
  #random(): number {
    this.#state ^= this.#state << 13
    this.#state ^= this.#state >>> 17
    this.#state ^= this.#state << 5
    return (this.#state >>> 0) / 2 ** 32
  }
}

export interface ValueSummary {
  readonly mean: number
  readonly mean_absolute: number
  readonly standard_deviation: number
  readonly min: number
  readonly max: number
  readonly quantiles: readonly { readonly quantile: number; readonly value: number | null }[]
  /** Whether the quantiles are those of a uniform sample, because there are too many values to keep. */
  readonly quantiles_of_sample: boolean
}

/** The `size` entries with the largest weight, heaviest first. */
export class Heaviest<T> {
  readonly #size: number
  readonly #entries: { readonly weight: number; readonly entry: T }[] = []

  constructor(size: number) {
    this.#size = size
  }

  /** `make` is called only when the entry is kept. */
  offer(weight: number, make: () => T): void {
    if (this.#size === 0 || (this.#entries.length === this.#size && weight <= elementAt(this.#entries, this.#size - 1).weight)) return
    const place = this.#entries.findIndex((other) => other.weight < weight)
    this.#entries.splice(place < 0 ? this.#entries.length : place, 0, { weight, entry: make() })
    this.#entries.length = Math.min(this.#entries.length, this.#size)
  }

  get entries(): T[] {
    return this.#entries.map(({ entry }) => entry)
  }
}
