import type { Batch, BatchScores } from '../engine/engine.ts'
import type { ServiceError } from '../errors.ts'
import { type Capacity, mostUrgent, type TimedWork } from './deadline-plan.ts'
import { type PlannedJob, WINDOW } from './plan-batch.ts'

/** A sequence or an exact batch, with those who wait for its scores. */
export interface QueuedWork extends PlannedJob {
  readonly request: QueuedRequest
  readonly batch: Batch
  readonly enqueuedAtMs: number
  readonly resolve: (scores: BatchScores) => void
  readonly reject: (error: ServiceError) => void
}

/** What a request has submitted together. */
export class QueuedRequest implements TimedWork {
  readonly submittedAtMs: number
  readonly deadlineAtMs: number
  /** What waits of it, in order. */
  readonly waiting: QueuedWork[] = []
  /** Tokens of `waiting`. */
  tokens = 0
  /** Tokens that it has been served since it came, from where the queue stood then. */
  turn = 0
  isGone = false

  constructor(submittedAtMs: number, deadlineAtMs: number) {
    this.submittedAtMs = submittedAtMs
    this.deadlineAtMs = deadlineAtMs
  }
}

/**
 * What waits, by request. The next turn is that of the request that was served the fewest tokens since it came (start-time
 * fair queueing), so a large one does not hold up small ones. When that would make one late, the earliest deadline goes
 * first.
 */
export class RequestQueue {
  /** Requests with work that waits, the earliest deadline first. */
  #byDeadline: QueuedRequest[] = []
  /** Work that goes before all requests, in order. */
  #first: QueuedWork[] = []
  /** The turn of the request that was served last: where newcomers begin. */
  #turn = 0

  get sequences(): number {
    return this.#first.length + this.#byDeadline.reduce((sum, { waiting }) => sum + waiting.length, 0)
  }

  get tokens(): number {
    return tokensOf(this.#first) + this.#byDeadline.reduce((sum, { tokens }) => sum + tokens, 0)
  }

  get isEmpty(): boolean {
    return this.#first.length === 0 && this.#byDeadline.length === 0
  }

  /** The earliest deadline first, without the work that goes before all. */
  get byDeadline(): readonly TimedWork[] {
    return this.#byDeadline
  }

  /** Tokens of the work that goes before all requests. */
  get firstTokens(): number {
    return tokensOf(this.#first)
  }

  /** Lets the entries of a request wait for their turn. */
  add(request: QueuedRequest, entries: readonly QueuedWork[]): void {
    if (entries.length === 0) return
    for (const entry of entries) request.waiting.push(entry)
    request.tokens += tokensOf(entries)
    request.turn = this.#turn
    const later = this.#byDeadline.findIndex(({ deadlineAtMs }) => deadlineAtMs > request.deadlineAtMs)
    this.#byDeadline.splice(later === -1 ? this.#byDeadline.length : later, 0, request)
  }

  /** Puts entries that run alone before all that waits. */
  addFirst(entries: readonly QueuedWork[]): void {
    this.#first.unshift(...entries)
  }

  /**
   * What the next batch of at most `maxBatchTokens` is chosen from: its head, then those that may join it, in the order in
   * which they are preferred. `capacity` is null while the speed of the engine is not known; then no deadline counts.
   */
  candidates(maxBatchTokens: number, capacity: Capacity | null): QueuedWork[] {
    // Each of them runs alone.
    if (this.#first.length > 0) return this.#first.slice(0, 1)
    const urgent = capacity === null ? null : mostUrgent(this.#byDeadline, capacity)
    return urgent === null ? this.#inTurn() : this.#fromDeadline(urgent, 2 * maxBatchTokens)
  }

  /** Takes entries out; the requests they are of have had so much of their turn. */
  take(entries: readonly QueuedWork[]): void {
    const [head] = entries
    if (head === undefined) return
    const isFirst = this.#first.includes(head)
    if (!isFirst) this.#turn = Math.max(this.#turn, head.request.turn)
    for (const entry of entries) {
      const { request } = entry
      const at = request.waiting.indexOf(entry)
      if (at === -1) continue
      request.waiting.splice(at, 1)
      request.tokens -= entry.tokenCount
      request.turn += entry.tokenCount
    }
    this.#first = this.#first.filter((entry) => !entries.includes(entry))
    this.#forgetEmpty()
  }

  /** Takes out all that waits of a request. */
  remove(request: QueuedRequest): QueuedWork[] {
    const removed = [...this.#first.filter((entry) => entry.request === request), ...request.waiting]
    this.#first = this.#first.filter((entry) => entry.request !== request)
    request.waiting.length = 0
    request.tokens = 0
    this.#forgetEmpty()
    return removed
  }

  /** One entry of each request in turn, those served least first; no more than a planner looks at. */
  #inTurn(): QueuedWork[] {
    const requests = this.#byDeadline.toSorted((a, b) => a.turn - b.turn || a.submittedAtMs - b.submittedAtMs)
    const work: QueuedWork[] = []
    for (let round = 0; work.length < WINDOW; round++) {
      const before = work.length
      for (const { waiting } of requests) {
        const entry = waiting[round]
        if (entry !== undefined) work.push(entry)
      }
      if (work.length === before) break
    }
    return work
  }

  /** The work of the requests from this one on, in the order of their deadlines, up to so many tokens: later work must not take the place of what is urgent. */
  #fromDeadline(start: number, maxTokens: number): QueuedWork[] {
    const work: QueuedWork[] = []
    let tokens = 0
    for (const { waiting } of this.#byDeadline.slice(start)) {
      for (const entry of waiting) {
        if (work.length > 0 && (tokens + entry.tokenCount > maxTokens || work.length >= WINDOW)) return work
        work.push(entry)
        tokens += entry.tokenCount
      }
    }
    return work
  }

  #forgetEmpty(): void {
    this.#byDeadline = this.#byDeadline.filter(({ waiting }) => waiting.length > 0)
  }
}

export function tokensOf(entries: readonly PlannedJob[]): number {
  return entries.reduce((sum, { tokenCount }) => sum + tokenCount, 0)
}
