import type { Capacity } from './deadline-plan.ts'
import type { QueuedWork } from './queued-work.ts'

/** A batch that an engine is computing. */
export interface RunningBatch {
  /** One list per planned entry: the entry itself, then others that wait for the same scores. */
  readonly groups: readonly QueuedWork[][]
  /** Tokens of the planned entries, however few of them the engine has to compute. */
  readonly tokens: number
  readonly startedAtMs: number
  /** Whether a full batch of work waited behind it: only then does its duration show the speed of the engine. */
  readonly isSaturated: boolean
}

/** The batches in flight, at most one per engine. */
export class RunningBatches {
  readonly #slots: number
  readonly #batches = new Set<RunningBatch>()
  /** Groups of the running batches by the key of their work. */
  readonly #byKey = new Map<string, QueuedWork[]>()

  constructor(slots: number) {
    this.#slots = slots
  }

  get isIdle(): boolean {
    return this.#batches.size === 0
  }

  get isFull(): boolean {
    return this.#batches.size >= this.#slots
  }

  add(batch: RunningBatch): void {
    this.#batches.add(batch)
    for (const group of batch.groups) {
      const key = group[0]?.key ?? null
      if (key !== null) this.#byKey.set(key, group)
    }
  }

  remove(batch: RunningBatch): void {
    this.#batches.delete(batch)
    for (const group of batch.groups) {
      const key = group[0]?.key ?? null
      if (key !== null) this.#byKey.delete(key)
    }
  }

  has(key: string): boolean {
    return this.#byKey.has(key)
  }

  /** Adds the entry to the running work that is equal to it; false when there is none. */
  join(entry: QueuedWork): boolean {
    const group = entry.key === null ? undefined : this.#byKey.get(entry.key)
    group?.push(entry)
    return group !== undefined
  }

  /**
   * The engines as one: their joint speed, and when they will have finished the running batches and `tokensBefore`
   * more. `batchTokens` are those of the next batch.
   */
  capacity(msPerToken: number, nowMs: number, tokensBefore: number, batchTokens = 0): Capacity {
    const leftMs = [...this.#batches].reduce((sum, { tokens, startedAtMs }) => sum + Math.max(0, startedAtMs + tokens * msPerToken - nowMs), 0)
    return { msPerToken: msPerToken / this.#slots, freeAtMs: nowMs + (leftMs + tokensBefore * msPerToken) / this.#slots, batchMs: batchTokens * msPerToken }
  }
}
