import type { Capacity } from './deadline-plan.ts'
import type { QueuedWork } from './job.ts'

/** A batch that an engine has. */
export interface RunningBatch {
  /** One list a piece of work of the batch: what it was planned for, then others that want the same numbers. */
  readonly parts: readonly QueuedWork[][]
  /** Tokens that were asked for, however few of them have to be computed. */
  readonly tokens: number
  readonly startedAtMs: number
  /** Whether it was one of as many as run at once, with a batch of work behind it: only then it tells the speed. */
  readonly isSaturated: boolean
}

/** The batches in flight, of which there are at most as many as engines. */
export class RunningBatches {
  readonly #slots: number
  readonly #batches = new Set<RunningBatch>()
  /** Parts of the running batches that have a key. */
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
    for (const part of batch.parts) {
      const key = part[0]?.key ?? null
      if (key !== null) this.#byKey.set(key, part)
    }
  }

  remove(batch: RunningBatch): void {
    this.#batches.delete(batch)
    for (const part of batch.parts) {
      const key = part[0]?.key ?? null
      if (key !== null) this.#byKey.delete(key)
    }
  }

  has(key: string): boolean {
    return this.#byKey.has(key)
  }

  /** Lets an entry wait for the same numbers as one that runs; false when none does. */
  join(entry: QueuedWork): boolean {
    const part = entry.key === null ? undefined : this.#byKey.get(entry.key)
    part?.push(entry)
    return part !== undefined
  }

  /** When all engines together have done what they have in hand and so many tokens more, and their speed together. */
  capacity(msPerToken: number, nowMs: number, tokensBefore: number): Capacity {
    const leftMs = [...this.#batches].reduce((sum, { tokens, startedAtMs }) => sum + Math.max(0, startedAtMs + tokens * msPerToken - nowMs), 0)
    return { msPerToken: msPerToken / this.#slots, freeAtMs: nowMs + (leftMs + tokensBefore * msPerToken) / this.#slots }
  }
}
