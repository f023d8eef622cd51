import { elementAt } from '../element-at.ts'
import { WINDOW } from './batch-planner.ts'
import { type Capacity, mostUrgent, type TimedWork } from './deadline-plan.ts'
import { type Priority, type QueuedRequest, type QueuedWork, tokensOf } from './job.ts'
import { PriorityQueue } from './priority-queue.ts'

/** Tokens of interactive work for which batch work that waits gets one: a sixteenth is its own. */
const INTERACTIVE_PER_BATCH = 15

/**
 * What waits, by request. Interactive work goes before batch work, which gets a sixteenth of the tokens while both wait.
 * Among requests of one priority the next turn is that of the client that was served the fewest tokens since it came, and
 * of its request that was, so a large request does not hold up small ones, nor a client with many requests the others.
 * When that would make a request late, the earliest deadline goes first, whatever its priority.
 */
export class RequestQueue {
  /** Requests with work that waits, the earliest deadline first. */
  #byDeadline: QueuedRequest[] = []
  /** Work that goes before all requests, in order. */
  #first: QueuedWork[] = []
  readonly #lanes: Readonly<Record<Priority, PriorityQueue>> = { interactive: new PriorityQueue(), batch: new PriorityQueue() }
  /** Tokens that batch work was passed over for and has not had. */
  #owedToBatch = 0
  /** All that waits and has a key. */
  readonly #byKey = new Map<string, Set<QueuedWork>>()

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
    this.#lanes[request.priority].add(request)
    const later = this.#byDeadline.findIndex(({ deadlineAtMs }) => deadlineAtMs > request.deadlineAtMs)
    this.#byDeadline.splice(later === -1 ? this.#byDeadline.length : later, 0, request)
    this.#remember(entries)
  }

  /** Puts entries that run alone before all that waits. */
  addFirst(entries: readonly QueuedWork[]): void {
    this.#first.unshift(...entries)
    this.#remember(entries)
  }

  /**
   * What the next batch of at most `maxBatchTokens` is chosen from: its head, then those that may join it, in the order in
   * which they are preferred, of equal sequences one. `capacity` is null while the speed of the engine is not known; then
   * no deadline counts.
   */
  candidates(maxBatchTokens: number, capacity: Capacity | null): QueuedWork[] {
    // Each of them runs alone.
    if (this.#first.length > 0) return this.#first.slice(0, 1)
    const urgent = capacity === null ? null : mostUrgent(this.#byDeadline, capacity)
    if (urgent !== null) return this.#fromDeadline(urgent, 2 * maxBatchTokens)
    return firstOfEach(this.#lanes[this.#nextLane(maxBatchTokens)].inTurn())
  }

  /**
   * Takes entries out, and all that is equal to one of them. `newTokens`: what each of them adds to the batch, by which
   * clients and requests have had so much of their turn. One list an entry: itself, then its equals, which cost nothing.
   */
  take(entries: readonly QueuedWork[], newTokens: readonly number[]): QueuedWork[][] {
    const [head] = entries
    const isFirst = head !== undefined && this.#first.includes(head)
    if (head !== undefined && !isFirst) this.#lanes[head.request.priority].serve(head.request)
    const bothWait = !this.#lanes.interactive.isEmpty && !this.#lanes.batch.isEmpty
    const taken = entries.map((entry, i) => {
      const { priority } = entry.request
      const tokens = elementAt(newTokens, i)
      this.#lanes[priority].charge(entry.request, tokens)
      if (bothWait && !isFirst) this.#owedToBatch += priority === 'batch' ? -tokens : tokens / INTERACTIVE_PER_BATCH
      return [entry, ...this.#equalsOf(entry)]
    })
    this.#removeAll(taken.flat())
    return taken
  }

  /** Takes out all that waits of a request. */
  remove(request: QueuedRequest): QueuedWork[] {
    const removed = [...this.#first.filter((entry) => entry.request === request), ...request.waiting]
    this.#removeAll(removed)
    return removed
  }

  #nextLane(maxBatchTokens: number): Priority {
    const { interactive, batch } = this.#lanes
    if (batch.isEmpty) return 'interactive'
    return interactive.isEmpty || this.#owedToBatch >= maxBatchTokens ? 'batch' : 'interactive'
  }

  /** The work of the requests from this one on, in the order of their deadlines, up to so many tokens: later work must not take the place of what is urgent. */
  #fromDeadline(start: number, maxTokens: number): QueuedWork[] {
    const work: QueuedWork[] = []
    let tokens = 0
    for (const entry of firstOfEach(this.#byDeadline.slice(start).flatMap(({ waiting }) => waiting))) {
      if (work.length > 0 && tokens + entry.tokenCount > maxTokens) return work
      work.push(entry)
      tokens += entry.tokenCount
    }
    return work
  }

  #equalsOf(entry: QueuedWork): QueuedWork[] {
    const equals = entry.key === null ? [] : [...(this.#byKey.get(entry.key) ?? [])]
    return equals.filter((other) => other !== entry)
  }

  #remember(entries: readonly QueuedWork[]): void {
    for (const entry of entries) {
      if (entry.key === null) continue
      const equals = this.#byKey.get(entry.key)
      if (equals === undefined) this.#byKey.set(entry.key, new Set([entry]))
      else equals.add(entry)
    }
  }

  #removeAll(entries: readonly QueuedWork[]): void {
    for (const entry of entries) {
      const { request, key, tokenCount } = entry
      const equals = key === null ? undefined : this.#byKey.get(key)
      equals?.delete(entry)
      if (key !== null && equals?.size === 0) this.#byKey.delete(key)
      const at = request.waiting.indexOf(entry)
      if (at === -1) continue
      request.waiting.splice(at, 1)
      request.tokens -= tokenCount
      if (request.waiting.length === 0) this.#lanes[request.priority].remove(request)
    }
    const gone = new Set(entries)
    this.#first = this.#first.filter((entry) => !gone.has(entry))
    this.#byDeadline = this.#byDeadline.filter(({ waiting }) => waiting.length > 0)
    if (this.#lanes.interactive.isEmpty || this.#lanes.batch.isEmpty) this.#owedToBatch = 0
  }
}

/** Each of equal sequences once, in order; no more than a planner looks at. */
function firstOfEach(entries: Iterable<QueuedWork>): QueuedWork[] {
  const keys = new Set<string>()
  const work: QueuedWork[] = []
  for (const entry of entries) {
    if (work.length === WINDOW) break
    if (entry.key !== null && keys.has(entry.key)) continue
    if (entry.key !== null) keys.add(entry.key)
    work.push(entry)
  }
  return work
}
