import type { Batch, BatchScores, Engine, RowScores, ScoringSequence } from '../engine/engine.ts'
import { ServiceError, serviceErrorFrom } from '../errors.ts'
import { type BatchLimits, type PlannedJob, planBatch } from './plan-batch.ts'
import { ThroughputEstimate } from './throughput-estimate.ts'

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
  /** Tokens that may wait. A request that finds the queue empty is taken whatever its size. */
  readonly maxQueueTokens: number
}

/** What the scheduler tells whoever measures it. */
export interface SchedulerObserver {
  batchDone?(batch: { sequences: number; tokens: number; paddedTokens: number; runMs: number; queueMs: number }): void
  jobsDropped?(reason: string, count: number): void
}

interface QueuedWork extends PlannedJob {
  readonly batch: Batch
  readonly enqueuedAtMs: number
  readonly resolve: (scores: BatchScores) => void
  readonly reject: (error: ServiceError) => void
  isGone: boolean
}

/**
 * Puts the sequences of all requests into batches for one engine. No timer holds work back: a batch leaves as soon as
 * the engine is free, so batches grow with the load and an idle service answers at once.
 */
export class Scheduler {
  readonly #engine: Engine
  readonly #limits: SchedulerLimits
  #observer: SchedulerObserver = {}
  readonly #throughput = new ThroughputEstimate()
  #queue: QueuedWork[] = []
  #queuedTokens = 0
  #isRunning = false
  #isApart = false

  constructor(engine: Engine, limits: SchedulerLimits) {
    this.#engine = engine
    this.#limits = limits
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
    return { sequences: this.#queue.length, tokens: this.#queuedTokens }
  }

  /** Whether nothing runs and nothing waits. */
  get isIdle(): boolean {
    return !this.#isRunning && this.#queue.length === 0
  }

  /**
   * Takes all jobs of a request or none. Throws `queue_full`, with the seconds after which there should be room. Each
   * promise is for one job, in order; when `signal` aborts, those that still wait are dropped and reject with its
   * reason.
   */
  submit(jobs: readonly ScoringJob[], signal: AbortSignal): Promise<RowScores>[] {
    return this.submitAll(jobs, signal).map(async (scores) => (await scores).rows[0]!)
  }

  /** The same for jobs and exact batches together; the scores of a job have one entry in `rows`. */
  submitAll(work: readonly (ScoringJob | ExactBatch)[], signal: AbortSignal): Promise<BatchScores>[] {
    signal.throwIfAborted()
    const tokens = work.reduce((sum, each) => sum + paddedTokens(batchOf(each)), 0)
    if (this.#queuedTokens > 0 && this.#queuedTokens + tokens > this.#limits.maxQueueTokens) {
      this.#observer.jobsDropped?.('queue_full', work.length)
      throw new ServiceError(
        'queue_full',
        `${this.#queuedTokens} tokens are waiting and ${tokens} more would pass the limit of ${this.#limits.maxQueueTokens}`,
        { retryAfterSeconds: this.#throughput.secondsFor(this.#queuedTokens) }
      )
    }
    return this.#enqueue(work, signal, (entries) => this.#queue.push(...entries))
  }

  /** Runs a batch exactly as it is, before all that waits. For the few tokens of a canary. */
  runNext(batch: Batch, signal: AbortSignal): Promise<BatchScores> {
    signal.throwIfAborted()
    return this.#enqueue([{ exactly: batch }], signal, (entries) => this.#queue.unshift(...entries))[0]!
  }

  #enqueue(work: readonly (ScoringJob | ExactBatch)[], signal: AbortSignal, put: (entries: QueuedWork[]) => void): Promise<BatchScores>[] {
    const entries: QueuedWork[] = []
    const promises = work.map(
      (each) =>
        new Promise<BatchScores>((resolve, reject) => {
          const batch = batchOf(each)
          const runsAlone = this.#isApart || 'exactly' in each
          entries.push({ batch, tokenCount: paddedTokens(batch), runsAlone, enqueuedAtMs: performance.now(), resolve, reject, isGone: false })
        })
    )
    put(entries)
    this.#queuedTokens += tokensOf(entries)
    const drop = (): void => this.#drop(entries, serviceErrorFrom(signal.reason))
    signal.addEventListener('abort', drop, { once: true })
    void Promise.allSettled(promises).then(() => signal.removeEventListener('abort', drop))
    queueMicrotask(() => this.#next())
    return promises
  }

  #next(): void {
    if (this.#isRunning || this.#queue.length === 0) return
    const taken = planBatch(this.#queue, this.#limits).map((index) => this.#queue[index]!)
    const isTaken = new Set(taken)
    this.#queue = this.#queue.filter((entry) => !isTaken.has(entry))
    this.#queuedTokens -= tokensOf(taken)
    this.#isRunning = true
    void this.#run(taken).finally(() => {
      this.#isRunning = false
      this.#next()
    })
  }

  async #run(taken: readonly QueuedWork[]): Promise<void> {
    const queueMs = performance.now() - Math.min(...taken.map(({ enqueuedAtMs }) => enqueuedAtMs))
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
    this.#throughput.observe(tokens, scores.runMs)
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
    const wanted = taken.filter(({ isGone }) => !isGone)
    if (taken.length === 1 || error.code === 'engine_unavailable') {
      for (const { reject } of wanted) reject(error)
      return
    }
    this.#queue.unshift(...wanted.map((entry) => ({ ...entry, runsAlone: true })))
    this.#queuedTokens += tokensOf(wanted)
  }

  #drop(entries: readonly QueuedWork[], error: ServiceError): void {
    // Not the entry itself: one that is tried again waits as a copy.
    const gone = new Set(entries.map(({ batch }) => batch))
    const waiting = this.#queue.filter(({ batch }) => gone.has(batch))
    this.#queue = this.#queue.filter(({ batch }) => !gone.has(batch))
    this.#queuedTokens -= tokensOf(waiting)
    if (waiting.length > 0) this.#observer.jobsDropped?.(error.code, waiting.length)
    for (const entry of entries) {
      entry.isGone = true
      // Settled ones ignore it; one inside a running batch is answered now and its scores are dropped later.
      entry.reject(error)
    }
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

function tokensOf(entries: readonly QueuedWork[]): number {
  return entries.reduce((sum, { tokenCount }) => sum + tokenCount, 0)
}

function paddedTokens({ sequences }: Batch): number {
  return sequences.length * Math.max(...sequences.map(tokensFed))
}

/** The last token of a sequence is scored but never fed. */
function tokensFed({ ids }: ScoringSequence): number {
  return ids.length - 1
}
