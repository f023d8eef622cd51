import type { Batch, BatchScores, Engine, RowScores, ScoringSequence } from '../engine/engine.ts'
import { ServiceError, serviceErrorFrom } from '../errors.ts'
import { type Capacity, excessMs } from './deadline-plan.ts'
import { type BatchLimits, planBatch } from './plan-batch.ts'
import { QueuedRequest, type QueuedWork, RequestQueue, tokensOf } from './request-queue.ts'
import { retryAfterSeconds, ThroughputEstimate } from './throughput-estimate.ts'

export interface ScoringJob {
  readonly sequence: ScoringSequence
  /** Most probable tokens wanted a row; null when neither rank, entropy nor top tokens are. */
  readonly topCount: number | null
}

/** A batch that runs exactly as it is, with nothing beside it: how a verification wants to be run. */
export interface ExactBatch {
  readonly exactly: Batch
}

export interface SchedulerLimits extends BatchLimits {
  /** Tokens that may wait, for the memory that they take. A request that finds the queue empty is taken whatever its size. */
  readonly maxQueueTokens: number
}

/** Aborts when nobody waits for the work any more, and says when that will be at the latest, in milliseconds of `performance.now()`. */
export interface WorkSignal extends AbortSignal {
  readonly deadlineAtMs?: number
}

/** The signal of a request that `other` can abort as well; it keeps its deadline, which `AbortSignal.any` alone would lose. */
export function alsoAbortedBy(signal: WorkSignal, other: AbortSignal): WorkSignal {
  const { deadlineAtMs } = signal
  return Object.assign(AbortSignal.any([signal, other]), deadlineAtMs === undefined ? {} : { deadlineAtMs })
}

/** What the scheduler tells whoever measures it. */
export interface SchedulerObserver {
  batchDone?(batch: { sequences: number; tokens: number; paddedTokens: number; runMs: number; queueMs: number }): void
  jobsDropped?(reason: string, count: number): void
}

/**
 * Puts the sequences of all requests into batches for one engine. No timer holds work back: a batch leaves as soon as
 * the engine is free, so batches grow with the load and an idle service answers at once. Work is held as long as it can
 * be done before its deadline, and refused at once when it cannot.
 */
export class Scheduler {
  readonly #engine: Engine
  readonly #limits: SchedulerLimits
  #observer: SchedulerObserver = {}
  readonly #now: () => number
  readonly #throughput = new ThroughputEstimate()
  readonly #queue = new RequestQueue()
  #running: { readonly tokens: number; readonly startedAtMs: number } | null = null
  #isApart = false

  /** `now` is the clock of the deadlines, in milliseconds. */
  constructor(engine: Engine, limits: SchedulerLimits, now: () => number = () => performance.now()) {
    this.#engine = engine
    this.#limits = limits
    this.#now = now
  }

  /** Tells `observer` of batches and drops from now on. */
  observe(observer: SchedulerObserver): void {
    this.#observer = observer
  }

  /** From now on every sequence runs alone: for models whose numbers depend on their neighbours. */
  keepApart(): void {
    this.#isApart = true
  }

  /** Work that waits, in sequences and in tokens. */
  get queued(): { readonly sequences: number; readonly tokens: number } {
    return { sequences: this.#queue.sequences, tokens: this.#queue.tokens }
  }

  /** Whether nothing runs and nothing waits. */
  get isIdle(): boolean {
    return this.#running === null && this.#queue.isEmpty
  }

  /**
   * Takes all jobs of a request or none. Throws `queue_full` when they cannot be done before the deadline of `signal`, or
   * only at the cost of others, and when too much waits; with the seconds after which there should be room. Each promise
   * is for one job, in order; when `signal` aborts, those that still wait are dropped and reject with its reason.
   */
  submit(jobs: readonly ScoringJob[], signal: WorkSignal): Promise<RowScores>[] {
    return this.submitAll(jobs, signal).map(async (scores) => (await scores).rows[0]!)
  }

  /** The same for jobs and exact batches together; the scores of a job have one entry in `rows`. */
  submitAll(work: readonly (ScoringJob | ExactBatch)[], signal: WorkSignal): Promise<BatchScores>[] {
    signal.throwIfAborted()
    const request = new QueuedRequest(this.#now(), signal.deadlineAtMs ?? Number.POSITIVE_INFINITY)
    const tokens = work.reduce((sum, each) => sum + paddedTokens(batchOf(each)), 0)
    const refusal = this.#refusal(request, tokens)
    if (refusal !== null) {
      this.#observer.jobsDropped?.('queue_full', work.length)
      throw refusal
    }
    return this.#enqueue(work, request, signal, (entries) => this.#queue.add(request, entries))
  }

  /** Runs a batch exactly as it is, before all that waits. For the few tokens of a canary. */
  runNext(batch: Batch, signal: AbortSignal): Promise<BatchScores> {
    signal.throwIfAborted()
    const request = new QueuedRequest(this.#now(), Number.POSITIVE_INFINITY)
    return this.#enqueue([{ exactly: batch }], request, signal, (entries) => this.#queue.addFirst(entries))[0]!
  }

  #refusal(request: QueuedRequest, tokens: number): ServiceError | null {
    const { maxQueueTokens } = this.#limits
    const waiting = this.#queue.tokens
    if (waiting > 0 && waiting + tokens > maxQueueTokens)
      return new ServiceError('queue_full', `${waiting} tokens are waiting and ${tokens} more would pass the limit of ${maxQueueTokens}`, {
        retryAfterSeconds: this.#throughput.secondsFor(waiting)
      })
    const capacity = this.#capacity()
    if (capacity === null) return null
    const { submittedAtMs, deadlineAtMs } = request
    const tooMuchMs = excessMs(this.#queue.byDeadline, { submittedAtMs, deadlineAtMs, tokens }, capacity)
    if (tooMuchMs <= 0) return null
    const seconds = (ms: number): string => (ms / 1000).toFixed(1)
    return new ServiceError(
      'queue_full',
      `${tokens} tokens, ${seconds(tokens * capacity.msPerToken)} s of computing, cannot be done within ${seconds(deadlineAtMs - submittedAtMs)} s beside the ${waiting} tokens that wait; send less at once, or later`,
      { retryAfterSeconds: retryAfterSeconds(tooMuchMs) }
    )
  }

  /** When the engine has done what no request waits behind, and how fast it is; null while nothing is known of that. */
  #capacity(): Capacity | null {
    const { msPerToken } = this.#throughput
    if (msPerToken === null) return null
    const runningUntilMs = this.#running === null ? 0 : this.#running.startedAtMs + this.#running.tokens * msPerToken
    return { msPerToken, freeAtMs: Math.max(this.#now(), runningUntilMs) + this.#queue.firstTokens * msPerToken }
  }

  #enqueue(
    work: readonly (ScoringJob | ExactBatch)[],
    request: QueuedRequest,
    signal: AbortSignal,
    put: (entries: QueuedWork[]) => void
  ): Promise<BatchScores>[] {
    const entries: QueuedWork[] = []
    const promises = work.map(
      (each) =>
        new Promise<BatchScores>((resolve, reject) => {
          const batch = batchOf(each)
          const runsAlone = this.#isApart || 'exactly' in each
          entries.push({ request, batch, tokenCount: paddedTokens(batch), runsAlone, enqueuedAtMs: request.submittedAtMs, resolve, reject })
        })
    )
    put(entries)
    const drop = (): void => this.#drop(request, entries, serviceErrorFrom(signal.reason))
    signal.addEventListener('abort', drop, { once: true })
    void Promise.allSettled(promises).then(() => signal.removeEventListener('abort', drop))
    queueMicrotask(() => this.#next())
    return promises
  }

  #next(): void {
    if (this.#running !== null || this.#queue.isEmpty) return
    const candidates = this.#queue.candidates(this.#limits.maxBatchTokens, this.#capacity())
    const taken = planBatch(candidates, this.#limits).map((index) => candidates[index]!)
    this.#queue.take(taken)
    this.#running = { tokens: tokensOf(taken), startedAtMs: this.#now() }
    const isSaturated = this.#queue.tokens >= this.#limits.maxBatchTokens
    void this.#run(taken, isSaturated).finally(() => {
      this.#running = null
      this.#next()
    })
  }

  async #run(taken: readonly QueuedWork[], isSaturated: boolean): Promise<void> {
    const startedAtMs = this.#now()
    const queueMs = startedAtMs - Math.min(...taken.map(({ enqueuedAtMs }) => enqueuedAtMs))
    let scores: BatchScores
    try {
      scores = await this.#engine.score(joined(taken.map(({ batch }) => batch)))
    } catch (error) {
      this.#fail(taken, serviceErrorFrom(error))
      return
    }
    let start = 0
    for (const { batch, resolve } of taken) {
      const end = start + batch.sequences.length
      resolve({ ...scores, rows: scores.rows.slice(start, end) })
      start = end
    }
    const tokens = taken.reduce((sum, { batch }) => sum + batch.sequences.reduce((fed, sequence) => fed + tokensFed(sequence), 0), 0)
    // The way to the engine and back counts; that a new process was waited for says nothing of the speed.
    this.#throughput.observe(tokens, Math.min(this.#now() - startedAtMs, 2 * scores.runMs), isSaturated)
    this.#observer.batchDone?.({
      sequences: start,
      tokens,
      paddedTokens: start * Math.max(...taken.flatMap(({ batch }) => batch.sequences.map(tokensFed))),
      runMs: scores.runMs,
      queueMs
    })
  }

  /** One bad sequence must not take its neighbours along: those of a failed batch are tried again, each alone. */
  #fail(taken: readonly QueuedWork[], error: ServiceError): void {
    const wanted = taken.filter(({ request }) => !request.isGone)
    if (taken.length === 1 || error.code === 'engine_unavailable') {
      for (const { reject } of wanted) reject(error)
      return
    }
    this.#queue.addFirst(wanted.map((entry) => ({ ...entry, runsAlone: true })))
  }

  #drop(request: QueuedRequest, entries: readonly QueuedWork[], error: ServiceError): void {
    request.isGone = true
    const waiting = this.#queue.remove(request)
    if (waiting.length > 0) this.#observer.jobsDropped?.(error.code, waiting.length)
    // Settled ones ignore it; one inside a running batch is answered now and its scores are dropped later.
    for (const { reject } of entries) reject(error)
  }
}

function batchOf(work: ScoringJob | ExactBatch): Batch {
  return 'exactly' in work ? work.exactly : { sequences: [work.sequence], topCount: work.topCount }
}

/** One batch of several; an exact one is never joined with others, so its probe is the only one. */
function joined(batches: readonly Batch[]): Batch {
  const [only] = batches
  if (batches.length === 1 && only !== undefined) return only
  const tops = batches.flatMap(({ topCount }) => topCount ?? [])
  return { sequences: batches.flatMap(({ sequences }) => sequences), topCount: tops.length === 0 ? null : Math.max(...tops) }
}

function paddedTokens({ sequences }: Batch): number {
  return sequences.length * Math.max(...sequences.map(tokensFed))
}

/** The last token of a sequence is scored but never fed. */
function tokensFed({ ids }: ScoringSequence): number {
  return ids.length - 1
}
