import { elementAt } from '../element-at.ts'
import { type Batch, type BatchScores, type Engine, fedTokensOf, type RowScores } from '../engine/engine.ts'
import { type ServiceError, serviceErrorFrom } from '../errors.ts'
import { ActiveClients } from './active-clients.ts'
import { refusalOf } from './admission.ts'
import { type BatchLimits, planBatch } from './batch-planner.ts'
import type { Capacity, TimedWork } from './deadline-plan.ts'
import { ExpectedWork } from './expected-work.ts'
import { batchOf, type ExactBatch, keyOfJob, paddedTokens, reusableTokens, type ScoringJob, type WorkTerms } from './job.ts'
import { mergedBatch, QueuedRequest, type QueuedWork, resolveGroups, reusedScores, type Submitted, tokensOf } from './queued-work.ts'
import { RequestQueue } from './request-queue.ts'
import { ResultCache } from './result-cache.ts'
import { type RunningBatch, RunningBatches } from './running-batches.ts'
import { batchInfoOf, type SchedulerObserver } from './scheduler-observer.ts'
import { retryAfterSeconds, ThroughputEstimate } from './throughput-estimate.ts'

export interface SchedulerLimits extends BatchLimits {
  /** Tokens that may wait, a bound on their memory. An empty queue admits a request of any size. */
  readonly maxQueueTokens: number
  /** Batches that the engine runs at once; default 1. */
  readonly slots?: number
  /** Memory of the result cache; absent or 0 turns it off. */
  readonly resultCacheBytes?: number
}

/**
 * Puts the sequences of all requests into batches for one engine. No timer delays work: a batch starts as soon as the
 * engine is free, so batches grow with the load and an idle service answers at once. A request that can meet its
 * deadline waits in the queue; one that cannot is refused at once. Equal sequences are computed once.
 */
export class Scheduler {
  readonly #engine: Engine
  readonly #limits: SchedulerLimits
  #observer: SchedulerObserver = {}
  readonly #now: () => number
  readonly #throughput = new ThroughputEstimate()
  readonly #queue = new RequestQueue()
  readonly #clients = new ActiveClients()
  readonly #expected = new ExpectedWork()
  readonly #running: RunningBatches
  readonly #results: ResultCache
  #isBatchingDisabled = false

  /** `now` is the clock of the deadlines, in milliseconds. */
  constructor(engine: Engine, limits: SchedulerLimits, now: () => number = () => performance.now()) {
    this.#engine = engine
    this.#limits = limits
    this.#now = now
    this.#running = new RunningBatches(limits.slots ?? 1)
    this.#results = new ResultCache(engine, limits.resultCacheBytes ?? 0)
  }

  /** Replaces the observer. */
  observe(observer: SchedulerObserver): void {
    this.#observer = observer
  }

  /** Runs every sequence alone from now on, for models whose scores depend on the other rows of a batch. */
  disableBatching(): void {
    this.#isBatchingDisabled = true
  }

  /** Clears the result cache, for when earlier scores are no longer trusted. */
  forgetResults(): void {
    this.#results.clear()
  }

  get queued(): { readonly sequences: number; readonly tokens: number } {
    return { sequences: this.#queue.sequences, tokens: this.#queue.tokens }
  }

  /** Whether nothing runs and nothing waits. */
  get isIdle(): boolean {
    return this.#running.isIdle && this.#queue.isEmpty
  }

  /**
   * Admits all jobs of a request or none, and returns one promise per job, in order. Throws `queue_full`, with the
   * seconds that the work before it takes, when the jobs cannot meet the deadline of `terms`, would make others miss
   * theirs, or exceed the queue. When the signal aborts, waiting jobs are dropped, and all of them reject with its
   * reason. Callers must not write to the scores, which may be shared with an equal job.
   */
  submit(jobs: readonly ScoringJob[], terms: WorkTerms): Promise<RowScores>[] {
    return this.submitAll(jobs, terms).map(async (scores) => elementAt((await scores).rows, 0))
  }

  /** Like `submit`, for jobs and exact batches together; the scores of a job have one entry in `rows`. */
  submitAll(work: readonly (ScoringJob | ExactBatch)[], terms: WorkTerms): Promise<BatchScores>[] {
    terms.signal.throwIfAborted()
    const request = new QueuedRequest(this.#now(), terms)
    const submitted = work.map((each): Submitted => {
      const key = 'exactly' in each ? null : keyOfJob(each)
      return { batch: batchOf(each), key, cachedRows: key === null ? null : this.#results.get(key) }
    })
    const tokens = submitted.reduce((sum, each) => sum + this.#tokensToRun(each), 0)
    this.#expected.submitted(terms.requestSignal ?? terms.signal, tokens)
    this.#admit(request, tokens, work.length, { laterTokens: ((terms.wholeFactor ?? 1) - 1) * tokens })
    terms.onAdmitted?.(tokens)
    this.#observer.queued?.(request)
    return this.#enqueue(submitted, request, terms.signal, (entries) => this.#queue.add(request, entries))
  }

  /**
   * Throws `queue_full` when there is no room for a request whose size is guessed as `tokens`, before its texts are
   * tokenized, so that a refusal costs little and is not late. The guess is corrected by what earlier requests turned
   * out to need. Counts one batch at most: of a larger request much may be cached or equal. `sequences` is their
   * number. The tokens count as waiting until the request submits its work or the returned function is called.
   */
  assertRoom(tokens: number, sequences: number, terms: WorkTerms): () => void {
    const counted = Math.min(tokens, this.#limits.maxBatchTokens)
    const request = new QueuedRequest(this.#now(), terms)
    this.#admit(request, this.#expected.estimate(counted), sequences, { expectedTokens: this.#expected.tokensOf(request.client) })
    return this.#expected.expect(terms.signal, request.client, counted)
  }

  /** Time that the running and waiting work takes, as a value for `Retry-After`. */
  get backlogSeconds(): number {
    return retryAfterSeconds(this.#backlogMs())
  }

  /** Runs a batch exactly as given, before all waiting work and without admission: for the few tokens of a canary. */
  runNext(batch: Batch, signal: AbortSignal): Promise<BatchScores> {
    signal.throwIfAborted()
    const request = new QueuedRequest(this.#now())
    return this.#enqueue([{ batch, key: null, cachedRows: null }], request, signal, (entries) => this.#queue.addFirst(entries))[0]!
  }

  #admit(request: QueuedRequest, tokens: number, sequences: number, { expectedTokens = 0, laterTokens = 0 }): void {
    const { submittedAtMs, deadlineAtMs, priority, client } = request
    this.#clients.used(request, submittedAtMs)
    const newcomer: TimedWork = { submittedAtMs, deadlineAtMs, priority, tokens }
    const waitingTokens = this.#queue.tokens
    const ownShare = 2 * this.#queue.tokensOf(client) > waitingTokens ? 'most' : 'less'
    const refusal = refusalOf(newcomer, {
      byDeadline: this.#queue.byDeadline,
      laterTokens,
      waitingTokens,
      maxQueueTokens: this.#limits.maxQueueTokens,
      capacity: this.#capacity(expectedTokens),
      share: this.#clients.areSeveral(submittedAtMs) ? ownShare : 'all',
      backlogMs: this.#backlogMs()
    })
    if (refusal === null) return
    this.#observer.jobsDropped?.('queue_full', sequences)
    throw refusal
  }

  #backlogMs(): number {
    const nowMs = this.#now()
    return this.#running.capacity(this.#throughput.assumedMsPerToken, nowMs, this.#queue.tokens + this.#expected.tokens).freeAtMs - nowMs
  }

  #tokensToRun({ batch, key, cachedRows }: Submitted): number {
    return cachedRows !== null || (key !== null && this.#running.has(key)) ? 0 : paddedTokens(batch)
  }

  /** When the engine will be free for the requests, and how fast it is; null while its speed is unknown. */
  #capacity(expectedTokens = 0): Capacity | null {
    const { msPerToken } = this.#throughput
    if (msPerToken === null) return null
    const batchTokens = Math.min(this.#queue.tokens, this.#limits.maxBatchTokens)
    return this.#running.capacity(msPerToken, this.#now(), this.#queue.frontTokens + expectedTokens, batchTokens)
  }

  #enqueue(submitted: readonly Submitted[], request: QueuedRequest, signal: AbortSignal, add: (entries: QueuedWork[]) => void): Promise<BatchScores>[] {
    const entries: QueuedWork[] = []
    const promises = submitted.map(({ batch, key, cachedRows }) => {
      if (cachedRows !== null) return Promise.resolve(reusedScores('result', batch, { rows: [cachedRows], probes: [], runMs: 0 }, this.#observer))
      return new Promise<BatchScores>((resolve, reject) => {
        const runsAlone = this.#isBatchingDisabled || key === null
        const fed = batch.sequences[0]?.ids.subarray(0, -1) ?? NO_IDS
        const reusable = reusableTokens(batch)
        const planned = { fed, tokenCount: paddedTokens(batch), runsAlone, ...(reusable === undefined ? {} : { reusableTokens: reusable }) }
        entries.push({ ...planned, request, batch, key, enqueuedAtMs: this.#now(), resolve, reject })
      })
    })
    add(entries.filter((entry) => !this.#running.join(entry)))
    const drop = (): void => this.#drop(request, entries, serviceErrorFrom(signal.reason))
    signal.addEventListener('abort', drop, { once: true })
    void Promise.allSettled(promises).then(() => signal.removeEventListener('abort', drop))
    queueMicrotask(() => this.#next())
    return promises
  }

  #next(): void {
    const { sharing = null } = this.#engine.info ?? {}
    while (!this.#running.isFull && !this.#queue.isEmpty) {
      const nowMs = this.#now()
      const limits = this.#clients.batchLimits(this.#limits, nowMs)
      const candidates = this.#queue.candidates(limits.maxBatchTokens, this.#capacity())
      const { indices, newTokens, layout } = planBatch(candidates, { limits, sharing })
      const planned = indices.map((index) => elementAt(candidates, index))
      const groups = this.#queue.take(planned, newTokens)
      for (const { request } of planned) this.#clients.used(request, nowMs)
      const isSaturated = this.#queue.tokens >= limits.maxBatchTokens
      const running = { groups, tokens: tokensOf(planned), startedAtMs: nowMs, isSaturated }
      this.#running.add(running)
      void this.#run(running, mergedBatch(planned, layout)).finally(() => {
        this.#running.remove(running)
        this.#next()
      })
    }
  }

  async #run(running: RunningBatch, batch: Batch): Promise<void> {
    const { groups, startedAtMs } = running
    const queueMs = startedAtMs - Math.min(...groups.map(([first]) => first?.enqueuedAtMs ?? startedAtMs))
    const areAllBusy = this.#running.isFull
    const ended = this.#observer.batchStarted?.(new Set(groups.flat().map(({ request }) => request)))
    let scores: BatchScores
    try {
      scores = await this.#engine.score(batch)
    } catch (error) {
      ended?.(null)
      this.#fail(groups, serviceErrorFrom(error))
      return
    }
    resolveGroups(groups, scores, this.#observer, (key, rows, topCount) => this.#results.put(key, rows, topCount))
    // The time includes the messages to and from the engine process. Waiting for a replaced process says nothing of the
    // speed, hence the bound.
    if (areAllBusy) this.#throughput.observe(fedTokensOf(batch), Math.min(this.#now() - startedAtMs, 2 * scores.runMs), running.isSaturated)
    const info = batchInfoOf(batch, scores)
    ended?.(info)
    this.#observer.batchDone?.({ ...info, queueMs })
  }

  /** Retries each entry of a failed batch alone, so that one bad sequence does not fail the others. */
  #fail(groups: readonly QueuedWork[][], error: ServiceError): void {
    const wanted = groups.flat().filter(({ request }) => !request.isAborted)
    if (groups.length === 1 || error.code === 'engine_unavailable') {
      for (const { reject } of wanted) reject(error)
      return
    }
    this.#queue.addFirst(wanted.map((entry) => ({ ...entry, runsAlone: true })))
  }

  #drop(request: QueuedRequest, entries: readonly QueuedWork[], error: ServiceError): void {
    request.isAborted = true
    this.#observer.abandoned?.(request)
    const waiting = this.#queue.remove(request)
    if (waiting.length > 0) this.#observer.jobsDropped?.(error.code, waiting.length)
    // An entry of a running batch rejects now, and its scores are ignored later; settled entries ignore this.
    for (const { reject } of entries) reject(error)
  }
}

const NO_IDS: Int32Array = new Int32Array(0)
