import type { Sharing } from '../engine/engine.ts'

/** What a planner looks at. */
export interface PlannedJob {
  /** Tokens that it feeds to the model, padding of its own included. */
  readonly tokenCount: number
  readonly runsAlone: boolean
  /** The ids that are fed, in order; of one that runs alone they are not looked at. */
  readonly fed: Int32Array
}

export interface BatchLimits {
  /** Upper bound on what the model computes in one pass: rows x longest row, or the columns of a packed row. */
  readonly maxBatchTokens: number
  /** Texts with more tokens fill the machine by themselves: a neighbour would only add padding. */
  readonly longTextTokens: number
  /** Upper bound on the S x S scores of unfused attention, 16 bytes a head; no bound when absent. */
  readonly maxAttentionBytes?: number
  /** Length of a row at which attention costs as much as all else of the model; `PARITY_TOKENS` when absent. */
  readonly parityTokens?: number
}

export type Layout = 'plain' | 'shared'

/** What forms the next batch. */
export interface BatchPlan {
  /** Places in the queue, rising: the head and those that join it. */
  readonly indices: readonly number[]
  /** Of each of them, the tokens that it adds to what is computed for those before it in the plan's own order. */
  readonly newTokens: readonly number[]
  readonly layout: Layout
  /** What the pass costs, in tokens of a short row. */
  readonly cost: number
}

/** What a planner is given beside the queue. */
export interface Planning {
  readonly limits: BatchLimits
  /** Null while the engine is not known. */
  readonly sharing: Sharing | null
}
