import { elementAt } from '../element-at.ts'
import { PLANNING_WINDOW } from './batch-planner.ts'
import { type Capacity, lateWork, mostUrgent, type TimedWork } from './deadline-plan.ts'
import type { Priority } from './job.ts'
import { PriorityQueue } from './priority-queue.ts'
import { type QueuedRequest, type QueuedWork, tokensOf } from './queued-work.ts'

/** Tokens of interactive work per token of waiting batch work, which so gets a sixteenth of all tokens. */
const INTERACTIVE_PER_BATCH = 15

/**
 * The waiting work, by request. Interactive work precedes batch work, which gets a sixteenth of the tokens while both
 * wait. Within a priority, clients take fair turns by tokens, and so do the requests of a client: a large request does
 * not hold up small ones, nor a client with many requests the others. When that order would make a request late, the
 * earliest deadline comes first, whatever its priority.
 */
export class RequestQueue {
  /** Requests with waiting work, the earliest deadline first. */
  #byDeadline: QueuedRequest[] = []
  /** Work that precedes all requests, in order: canaries, and the entries of a failed batch. Each runs alone. */
  #front: QueuedWork[] = []
  readonly #queues: Readonly<Record<Priority, PriorityQueue>> = { interactive: new PriorityQueue(), batch: new PriorityQueue() }
  /** Tokens of the share of batch work that it has not received yet. */
  #owedToBatch = 0
  /** All waiting work that has a key. */
  readonly #byKey = new Map<string, Set<QueuedWork>>()

  get sequences(): number {
    return this.#front.length + this.#byDeadline.reduce((sum, { waiting }) => sum + waiting.length, 0)
  }

  get tokens(): number {
    return tokensOf(this.#front) + this.#byDeadline.reduce((sum, { tokens }) => sum + tokens, 0)
  }

  /** Waiting tokens of a client, of both priorities. */
  tokensOf(client: string): number {
    return this.#byDeadline.reduce((sum, request) => sum + (request.client === client ? request.tokens : 0), 0)
  }

  get isEmpty(): boolean {
    return this.#front.length === 0 && this.#byDeadline.length === 0
  }

  /** The earliest deadline first, without the work that precedes all requests. */
  get byDeadline(): readonly TimedWork[] {
    return this.#byDeadline
  }

  /** Tokens of the work that precedes all requests. */
  get frontTokens(): number {
    return tokensOf(this.#front)
  }

  add(request: QueuedRequest, entries: readonly QueuedWork[]): void {
    if (entries.length === 0) return
    for (const entry of entries) request.waiting.push(entry)
    request.tokens += tokensOf(entries)
    this.#queues[request.priority].add(request)
    const later = this.#byDeadline.findIndex(({ deadlineAtMs }) => deadlineAtMs > request.deadlineAtMs)
    this.#byDeadline.splice(later === -1 ? this.#byDeadline.length : later, 0, request)
    this.#index(entries)
  }

  /** Puts entries that run alone before all waiting work. */
  addFirst(entries: readonly QueuedWork[]): void {
    this.#front.unshift(...entries)
    this.#index(entries)
  }

  /**
   * The work that the next batch is planned from: its head, then the entries that may join it, in order of preference,
   * with equal sequences listed once. Work that will be late in any case comes last. `capacity` is null while the speed
   * of the engine is unknown; then deadlines are ignored.
   */
  candidates(maxBatchTokens: number, capacity: Capacity | null): QueuedWork[] {
    if (this.#front.length > 0) return this.#front.slice(0, 1)
    const urgent = capacity === null ? null : mostUrgent(this.#byDeadline, capacity)
    const late = capacity === null ? NOTHING : lateWork(this.#byDeadline, capacity)
    const inTurn = distinct(onTimeFirst(this.#queues[this.#nextPriority(maxBatchTokens)].inTurn(), late))
    if (urgent === null || this.#precedesUrgent(inTurn[0], elementAt(this.#byDeadline, urgent), maxBatchTokens)) return inTurn
    const onTime = this.#fromDeadline(urgent, 2 * maxBatchTokens, late)
    return onTime.length > 0 ? onTime : inTurn
  }

  /**
   * Takes entries and their equals out of the queue. Each request is charged the `newTokens` that its entry adds to the
   * batch; equals are free. Returns one group per entry: itself, then its equals.
   */
  take(entries: readonly QueuedWork[], newTokens: readonly number[]): QueuedWork[][] {
    const [head] = entries
    const isFront = head !== undefined && this.#front.includes(head)
    if (head !== undefined && !isFront) this.#queues[head.request.priority].serve(head.request.client)
    const bothWait = !this.#queues.interactive.isEmpty && !this.#queues.batch.isEmpty
    const groups = entries.map((entry, i) => {
      const { priority } = entry.request
      const tokens = elementAt(newTokens, i)
      this.#queues[priority].charge(entry, tokens)
      if (bothWait && !isFront) this.#owedToBatch += priority === 'batch' ? -tokens : tokens / INTERACTIVE_PER_BATCH
      return [entry, ...this.#equalsOf(entry)]
    })
    this.#removeAll(groups.flat())
    return groups
  }

  /** Takes all waiting work of a request out of the queue. */
  remove(request: QueuedRequest): QueuedWork[] {
    const removed = [...this.#front.filter((entry) => entry.request === request), ...request.waiting]
    this.#removeAll(removed)
    return removed
  }

  /**
   * Whether the work whose turn it is runs before urgent work: that of another client with at most one batch. The room
   * that admission leaves covers it. Otherwise a client that fills the queue up to its deadlines would hold up all.
   */
  #precedesUrgent(turn: QueuedWork | undefined, urgent: QueuedRequest, maxBatchTokens: number): boolean {
    if (turn === undefined || turn.request.priority === 'batch' || turn.request.client === urgent.client) return false
    return this.tokensOf(turn.request.client) <= maxBatchTokens
  }

  #nextPriority(maxBatchTokens: number): Priority {
    const { interactive, batch } = this.#queues
    if (batch.isEmpty) return 'interactive'
    return interactive.isEmpty || this.#owedToBatch >= maxBatchTokens ? 'batch' : 'interactive'
  }

  /**
   * Work in the order of deadlines, from the request at `start` on, of at most `maxTokens`: work with a later deadline
   * must not displace urgent work.
   */
  #fromDeadline(start: number, maxTokens: number, late: ReadonlySet<TimedWork>): QueuedWork[] {
    const selected: QueuedWork[] = []
    let tokens = 0
    const onTime = this.#byDeadline.slice(start).filter((request) => !late.has(request))
    for (const entry of distinct(onTime.flatMap(({ waiting }) => waiting))) {
      if (selected.length > 0 && tokens + entry.tokenCount > maxTokens) return selected
      selected.push(entry)
      tokens += entry.tokenCount
    }
    return selected
  }

  #equalsOf(entry: QueuedWork): QueuedWork[] {
    const equals = entry.key === null ? [] : [...(this.#byKey.get(entry.key) ?? [])]
    return equals.filter((other) => other !== entry)
  }

  #index(entries: readonly QueuedWork[]): void {
    for (const entry of entries) {
      if (entry.key === null) continue
      const equals = this.#byKey.get(entry.key)
      if (equals === undefined) this.#byKey.set(entry.key, new Set([entry]))
      else equals.add(entry)
    }
  }

  #removeAll(entries: readonly QueuedWork[]): void {
    for (const entry of entries) {
      const equals = entry.key === null ? undefined : this.#byKey.get(entry.key)
      equals?.delete(entry)
      if (entry.key !== null && equals?.size === 0) this.#byKey.delete(entry.key)
    }
    const removed = new Set(entries)
    // All entries of a request at once: one by one, 8,192 would move the others 8,192 times.
    for (const request of new Set(entries.map((entry) => entry.request))) {
      if (request.waiting.length === 0) continue
      const left = request.waiting.filter((entry) => !removed.has(entry))
      request.waiting.splice(0, request.waiting.length, ...left)
      request.tokens = tokensOf(left)
      if (left.length === 0) this.#queues[request.priority].remove(request)
    }
    this.#front = this.#front.filter((entry) => !removed.has(entry))
    this.#byDeadline = this.#byDeadline.filter(({ waiting }) => waiting.length > 0)
    if (this.#queues.interactive.isEmpty || this.#queues.batch.isEmpty) this.#owedToBatch = 0
  }
}

const NOTHING: ReadonlySet<TimedWork> = new Set()

/** The same entries, with those of late requests at the end. */
function* onTimeFirst(entries: Iterable<QueuedWork>, late: ReadonlySet<TimedWork>): Generator<QueuedWork> {
  const last: QueuedWork[] = []
  for (const entry of entries)
    if (late.has(entry.request)) last.push(entry)
    else yield entry
  yield* last
}

/** The first of each set of equal sequences, in order; at most `PLANNING_WINDOW` entries. */
function distinct(entries: Iterable<QueuedWork>): QueuedWork[] {
  const keys = new Set<string>()
  const selected: QueuedWork[] = []
  for (const entry of entries) {
    if (selected.length === PLANNING_WINDOW) break
    if (entry.key !== null && keys.has(entry.key)) continue
    if (entry.key !== null) keys.add(entry.key)
    selected.push(entry)
  }
  return selected
}
