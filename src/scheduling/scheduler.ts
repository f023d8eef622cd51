import type { BatchScores, Engine, RowScores, ScoringSequence } from '../engine/engine.ts'
import { ServiceError, serviceErrorFrom } from '../errors.ts'
import { type BatchLimits, type PlannedJob, planBatch } from './plan-batch.ts'
import { ThroughputEstimate } from './throughput-estimate.ts'

export interface ScoringJob {
  readonly sequence: ScoringSequence
  /** Most probable tokens wanted a row; null when neither rank, entropy nor top tokens are. */
  readonly topCount: number | null
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

interface QueuedJob extends PlannedJob {
  readonly job: ScoringJob
  readonly enqueuedAtMs: number
  readonly resolve: (scores: RowScores) => void
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
  #queue: QueuedJob[] = []
  #queuedTokens = 0
  #isRunning = false

  constructor(engine: Engine, limits: SchedulerLimits) {
    this.#engine = engine
    this.#limits = limits
  }

  /** Tells `observer` of batches and drops from now on. */
  observe(observer: SchedulerObserver): void {
    this.#observer = observer
  }

  /** Work that waits, in sequences and in tokens. */
  get queued(): { readonly sequences: number; readonly tokens: number } {
    return { sequences: this.#queue.length, tokens: this.#queuedTokens }
  }

  /**
   * Takes all jobs of a request or none. Throws `queue_full`, with the seconds after which there should be room. Each
   * promise is for one job, in order; when `signal` aborts, those that still wait are dropped and reject with its
   * reason.
   */
  submit(jobs: readonly ScoringJob[], signal: AbortSignal): Promise<RowScores>[] {
    signal.throwIfAborted()
    const tokens = jobs.reduce((sum, { sequence }) => sum + tokensFed(sequence), 0)
    if (this.#queuedTokens > 0 && this.#queuedTokens + tokens > this.#limits.maxQueueTokens) {
      this.#observer.jobsDropped?.('queue_full', jobs.length)
      throw new ServiceError(
        'queue_full',
        `${this.#queuedTokens} tokens are waiting and ${tokens} more would pass the limit of ${this.#limits.maxQueueTokens}`,
        {
          retryAfterSeconds: this.#throughput.secondsFor(this.#queuedTokens)
        }
      )
    }

    const entries: QueuedJob[] = []
    const promises = jobs.map(
      (job) =>
        new Promise<RowScores>((resolve, reject) => {
          entries.push({ job, tokenCount: tokensFed(job.sequence), runsAlone: false, enqueuedAtMs: performance.now(), resolve, reject, isGone: false })
        })
    )
    this.#queue.push(...entries)
    this.#queuedTokens += tokens
    const drop = (): void => this.#drop(entries, serviceErrorFrom(signal.reason))
    signal.addEventListener('abort', drop, { once: true })
    void Promise.allSettled(promises).then(() => signal.removeEventListener('abort', drop))
    queueMicrotask(() => this.#next())
    return promises
  }

  #next(): void {
    if (this.#isRunning || this.#queue.length === 0) return
    const batch = planBatch(this.#queue, this.#limits).map((index) => this.#queue[index]!)
    const taken = new Set(batch)
    this.#queue = this.#queue.filter((entry) => !taken.has(entry))
    this.#queuedTokens -= batch.reduce((sum, { tokenCount }) => sum + tokenCount, 0)
    this.#isRunning = true
    void this.#run(batch).finally(() => {
      this.#isRunning = false
      this.#next()
    })
  }

  async #run(batch: readonly QueuedJob[]): Promise<void> {
    const wantedTops = batch.flatMap(({ job }) => job.topCount ?? [])
    const queueMs = performance.now() - Math.min(...batch.map(({ enqueuedAtMs }) => enqueuedAtMs))
    let scores: BatchScores
    try {
      scores = await this.#engine.score({
        sequences: batch.map(({ job }) => job.sequence),
        topCount: wantedTops.length === 0 ? null : Math.max(...wantedTops)
      })
    } catch (error) {
      this.#fail(batch, serviceErrorFrom(error))
      return
    }
    batch.forEach((entry, i) => entry.resolve(scores.rows[i]!))
    const tokens = batch.reduce((sum, { tokenCount }) => sum + tokenCount, 0)
    const paddedTokens = batch.length * Math.max(...batch.map(({ tokenCount }) => tokenCount))
    this.#throughput.observe(tokens, scores.runMs)
    this.#observer.batchDone?.({ sequences: batch.length, tokens, paddedTokens, runMs: scores.runMs, queueMs })
  }

  /** One bad sequence must not take its neighbours along: those of a failed batch are tried again, each alone. */
  #fail(batch: readonly QueuedJob[], error: ServiceError): void {
    const wanted = batch.filter(({ isGone }) => !isGone)
    if (batch.length === 1 || error.code === 'engine_unavailable') {
      for (const { reject } of wanted) reject(error)
      return
    }
    this.#queue.unshift(...wanted.map((entry) => ({ ...entry, runsAlone: true })))
    this.#queuedTokens += wanted.reduce((sum, { tokenCount }) => sum + tokenCount, 0)
  }

  #drop(entries: readonly QueuedJob[], error: ServiceError): void {
    const gone = new Set(entries.map(({ job }) => job))
    const waiting = this.#queue.filter(({ job }) => gone.has(job))
    this.#queue = this.#queue.filter(({ job }) => !gone.has(job))
    this.#queuedTokens -= waiting.reduce((sum, { tokenCount }) => sum + tokenCount, 0)
    if (waiting.length > 0) this.#observer.jobsDropped?.(error.code, waiting.length)
    for (const entry of entries) {
      entry.isGone = true
      // Settled ones ignore it; one inside a running batch is answered now and its scores are dropped later.
      entry.reject(error)
    }
  }
}

/** The last token of a sequence is scored but never fed. */
function tokensFed({ ids }: ScoringSequence): number {
  return ids.length - 1
}
