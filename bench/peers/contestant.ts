import type { Item } from '../workloads/item.ts'

export interface Scored {
  readonly seconds: number
  /** Log-probability of each continuation, nats. */
  readonly sums: readonly number[]
}

/** An implementation that scores the same items as the others, in its own process. */
export interface Contestant {
  readonly name: string
  /** Its libraries with versions. */
  readonly versions: string
  /** Scores only `part` of a slice. */
  readonly isSlow: boolean
  score(items: readonly Item[]): Promise<Scored>
  close(): Promise<void>
}

/** A contestant that cannot run here, and why. */
export interface Skipped {
  readonly name: string
  readonly reason: string
}
