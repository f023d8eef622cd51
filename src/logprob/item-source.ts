import { elementAt } from '../element-at.ts'
import type { LogprobItem } from '../encoding/logprob-item.ts'
import type { ServiceError } from '../errors.ts'
import type { ItemPlace } from './result.ts'

/** An item of a request, or why there is none in this place. */
export type SourcedItem = LogprobItem | { readonly place: ItemPlace; readonly error: ServiceError }

/** Where the items of a stream come from, some at a time. */
export interface ItemSource {
  /** Some `count` more items, with all outputs of a pair together; none at the end. */
  take(count: number): Promise<readonly SourcedItem[]>
  /** Share of the request that was taken, from 0 to 1. */
  readonly takenShare: number
}

/** The items of a request that is one JSON document. */
export class ItemList implements ItemSource {
  readonly #items: readonly LogprobItem[]
  #taken = 0

  constructor(items: readonly LogprobItem[]) {
    this.#items = items
  }

  get count(): number {
    return this.#items.length
  }

  get takenShare(): number {
    return this.#taken / this.#items.length
  }

  async take(count: number): Promise<readonly LogprobItem[]> {
    const start = this.#taken
    let end = Math.min(this.#items.length, start + count)
    while (end < this.#items.length && elementAt(this.#items, end).candidate > 0) end++
    this.#taken = end
    return this.#items.slice(start, end)
  }
}

/** Small, so that a slow model answers soon and a request that has to finish by a deadline is judged early. */
const FIRST_ITEMS = 128
/** The scheduler plans a batch from 1,024 sequences at most. */
const MAX_ITEMS = 1024
/** Time that a portion should take: many batches, and far less than any deadline. */
const TARGET_MS = 5000
/** Bytes of results that a portion should have: with many top tokens, a result is long. */
const TARGET_BYTES = 8 << 20
/** By how much one measurement may change the size, and its inverse. */
const MAX_CHANGE = 2

/** How many items of a stream are submitted at a time: as many as take some seconds, by those before. */
export class PortionSize {
  #items: number

  /** `largestBytes` is about the longest result that an item can have; 0 if that is small. */
  constructor(largestBytes = 0) {
    this.#items = Math.max(1, Math.min(FIRST_ITEMS, Math.floor(TARGET_BYTES / Math.max(1, largestBytes))))
  }

  get items(): number {
    return this.#items
  }

  /** A portion is finished. The time includes the wait behind the work of others. */
  measured({ items, elapsedMs, sizeBytes }: { readonly items: number; readonly elapsedMs: number; readonly sizeBytes: number }): void {
    if (items === 0) return
    const wanted = items * Math.min(TARGET_MS / Math.max(1, elapsedMs), TARGET_BYTES / Math.max(1, sizeBytes))
    const bounded = Math.min(this.#items * MAX_CHANGE, Math.max(this.#items / MAX_CHANGE, wanted))
    this.#items = Math.round(Math.min(MAX_ITEMS, Math.max(1, bounded)))
  }
}
