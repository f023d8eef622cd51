import { elementAt } from '../element-at.ts'
import { type Batch, type BatchScores, type Engine, fedTokensOf, type RowScores } from '../engine/engine.ts'
import { type ServiceError, serviceErrorFrom } from '../errors.ts'
import { refusalOf, ThroughputEstimate } from './admission.ts'
import { joinedBatch, planBatch } from './batch-planner.ts'
import type { Capacity } from './deadline-plan.ts'
import {
  answerParts,
  batchInfoOf,
  batchOf,
  type ExactBatch,
  keyOfJob,
  paddedTokens,
  QueuedRequest,
  type QueuedWork,
  reusedScores,
  type SchedulerLimits,
  type SchedulerObserver,
  type ScoringJob,
  tokensOf,
  type WorkTerms
} from './job.ts'
import { RequestQueue } from './request-queue.ts'
import { KnownResults } from './result-cache.ts'
import { type RunningBatch, RunningBatches } from './running-batches.ts'

/** A piece of submitted work, with what is known of its numbers. */
interface Submitted {
  readonly batch: Batch
  readonly key: string | null
  /** Of the same sequence, scored before. */
  readonly rows: RowScores | null
}

/**
 * Puts the sequences of all requests into batches for one engine. No timer holds work back: a batch leaves as soon as
 * the engine is free, so batches grow with the load and an idle service answers at once. Work is held as long as it can
 * be done before its deadline, and refused at once when it cannot. Equal sequences are computed once.
 */
export class Scheduler {
  readonly #engine: Engine
  readonly #limits: SchedulerLimits
  #observer: SchedulerObserver = {}
  readonly #now: () => number
  readonly #throughput = new ThroughputEstimate()
  readonly #queue = new RequestQueue()
  readonly #running: RunningBatches
  readonly #results: KnownResults
  #isApart = false

  /** `now` is the clock of the deadlines, in milliseconds. */
  constructor(engine: Engine, limits: SchedulerLimits, now: () => number = () => performance.now()) {
    this.#engine = engine
    this.#limits = limits
    this.#now = now
    this.#running = new RunningBatches(limits.slots ?? 1)
    this.#results = new KnownResults(engine, limits.resultCacheBytes ?? 0)
  }

  /** Tells `observer` of batches and drops from now on. */
  observe(observer: SchedulerObserver): void {
    this.#observer = observer
  }

  /** From now on every sequence runs alone: for models whose numbers depend on their neighbours. */
  disableBatching(): void {
    this.#isApart = true
  }

  /** Drops the numbers that are kept of earlier requests: for when they are not to be trusted any more. */
  forgetResults(): void {
    this.#results.forget()
  }

  /** Work that waits, in sequences and in tokens. */
  get queued(): { readonly sequences: number; readonly tokens: number } {
    return { sequences: this.#queue.sequences, tokens: this.#queue.tokens }
  }

  /** Whether nothing runs and nothing waits. */
  get isIdle(): boolean {
    return this.#running.isIdle && this.#queue.isEmpty
  }

  /**
   * Takes all jobs of a request or none. Throws `queue_full` when they cannot be done before the deadline of `terms`, or
   * only at the cost of others, and when too much waits; with the seconds after which there should be room. Each promise
   * is for one job, in order; when their signal aborts, those that still wait are dropped and reject with its reason. Scores
   * may be those of an equal job, and must not be written to.
   */
  submit(jobs: readonly ScoringJob[], terms: WorkTerms): Promise<RowScores>[] {
    return this.submitAll(jobs, terms).map(async (scores) => elementAt((await scores).rows, 0))
  }

  /** The same for jobs and exact batches together; the scores of a job have one entry in `rows`. */
  submitAll(work: readonly (ScoringJob | ExactBatch)[], terms: WorkTerms): Promise<BatchScores>[] {
    terms.signal.throwIfAborted()
    const request = new QueuedRequest(this.#now(), terms)
    const submitted = work.map((each): Submitted => {
      const key = 'exactly' in each ? null : keyOfJob(each)
      return { batch: batchOf(each), key, rows: key === null ? null : this.#results.get(key) }
    })
    const { submittedAtMs, deadlineAtMs, priority } = request
    const tokens = submitted.reduce((sum, each) => sum + this.#tokensToRun(each), 0)
    const refusal = refusalOf(
      { submittedAtMs, deadlineAtMs, priority, tokens },
      {
        byDeadline: this.#queue.byDeadline,
        waitingTokens: this.#queue.tokens,
        maxQueueTokens: this.#limits.maxQueueTokens,
        capacity: this.#capacity(),
        throughput: this.#throughput
      }
    )
    if (refusal !== null) {
      this.#observer.jobsDropped?.('queue_full', work.length)
      throw refusal
    }
    return this.#enqueue(submitted, request, terms.signal, (entries) => this.#queue.add(request, entries))
  }

  /** Runs a batch exactly as it is, before all that waits. For the few tokens of a canary. */
  runNext(batch: Batch, signal: AbortSignal): Promise<BatchScores> {
    signal.throwIfAborted()
    const request = new QueuedRequest(this.#now())
    return this.#enqueue([{ batch, key: null, rows: null }], request, signal, (entries) => this.#queue.addFirst(entries))[0]!
  }

  #tokensToRun({ batch, key, rows }: Submitted): number {
    return rows !== null || (key !== null && this.#running.has(key)) ? 0 : paddedTokens(batch)
  }

  /** When the engine has done what no request waits behind, and how fast it is; null while nothing is known of that. */
  #capacity(): Capacity | null {
    const { msPerToken } = this.#throughput
    return msPerToken === null ? null : this.#running.capacity(msPerToken, this.#now(), this.#queue.firstTokens)
  }

  #enqueue(submitted: readonly Submitted[], request: QueuedRequest, signal: AbortSignal, put: (entries: QueuedWork[]) => void): Promise<BatchScores>[] {
    const entries: QueuedWork[] = []
    const promises = submitted.map(({ batch, key, rows }) => {
      if (rows !== null) return Promise.resolve(reusedScores('result', batch, { rows: [rows], probes: [], runMs: 0 }, this.#observer))
      return new Promise<BatchScores>((resolve, reject) => {
        const runsAlone = this.#isApart || key === null
        const fed = batch.sequences[0]?.ids.subarray(0, -1) ?? NONE
        entries.push({ request, batch, key, fed, tokenCount: paddedTokens(batch), runsAlone, enqueuedAtMs: this.#now(), resolve, reject })
      })
    })
    put(entries.filter((entry) => !this.#running.join(entry)))
    const drop = (): void => this.#drop(request, entries, serviceErrorFrom(signal.reason))
    signal.addEventListener('abort', drop, { once: true })
    void Promise.allSettled(promises).then(() => signal.removeEventListener('abort', drop))
    queueMicrotask(() => this.#next())
    return promises
  }

  #next(): void {
    const { sharing = null } = this.#engine.info ?? {}
    while (!this.#running.isFull && !this.#queue.isEmpty) {
      const candidates = this.#queue.candidates(this.#limits.maxBatchTokens, this.#capacity())
      const { indices, newTokens, layout } = planBatch(candidates, { limits: this.#limits, sharing })
      const planned = indices.map((index) => elementAt(candidates, index))
      const parts = this.#queue.take(planned, newTokens)
      const hasMore = this.#queue.tokens >= this.#limits.maxBatchTokens
      const running = { parts, tokens: tokensOf(planned), startedAtMs: this.#now(), isSaturated: hasMore }
      this.#running.add(running)
      void this.#run(running, joinedBatch(planned, layout)).finally(() => {
        this.#running.remove(running)
        this.#next()
      })
    }
  }

  async #run(running: RunningBatch, batch: Batch): Promise<void> {
    const { parts, startedAtMs } = running
    const queueMs = startedAtMs - Math.min(...parts.map(([first]) => first?.enqueuedAtMs ?? startedAtMs))
    const areAllBusy = this.#running.isFull
    let scores: BatchScores
    try {
      scores = await this.#engine.score(batch)
    } catch (error) {
      this.#fail(parts, serviceErrorFrom(error))
      return
    }
    answerParts(parts, scores, this.#observer, (key, rows, topCount) => this.#results.keep(key, rows, topCount))
    const asked = fedTokensOf(batch)
    // The way to the engine and back counts; that a new process was waited for says nothing of the speed.
    if (areAllBusy) this.#throughput.observe(asked, Math.min(this.#now() - startedAtMs, 2 * scores.runMs), running.isSaturated)
    this.#observer.batchDone?.({ ...batchInfoOf(batch, scores), queueMs })
  }

  /** One bad sequence must not take its neighbours along: those of a failed batch are tried again, each alone. */
  #fail(parts: readonly QueuedWork[][], error: ServiceError): void {
    const wanted = parts.flat().filter(({ request }) => !request.isGone)
    if (parts.length === 1 || error.code === 'engine_unavailable') {
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

const NONE: Int32Array = new Int32Array(0)
