import type { Item } from '../workloads/item.ts'

export interface Scored {
  readonly seconds: number
  /** Log-probability of each continuation, nats. */
  readonly sums: readonly number[]
}

/** Someone who scores the same items as the others, in a process of its own. */
export interface Contestant {
  readonly name: string
  /** What it runs on, with versions. */
  readonly versions: string
  /** Does only `part` of a slice where that is smaller. */
  readonly isSlow: boolean
  score(items: readonly Item[]): Promise<Scored>
  close(): Promise<void>
}

/** One that could not take part, and why. */
export interface Skipped {
  readonly name: string
  readonly reason: string
}
