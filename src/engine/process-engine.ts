import { ServiceError, serviceErrorFrom } from '../errors.ts'
import { BatchQueue, type PendingBatch, unavailable } from './batch-queue.ts'
import { BatchTimeLimit } from './batch-time-limit.ts'
import type { Batch, BatchScores, Engine, EngineState } from './engine.ts'
import { EngineChild } from './engine-child.ts'
import type { EngineInfo } from './engine-info.ts'
import type { ProcessEngineOptions, SelfTestMaterial } from './engine-options.ts'
import { type EngineSpec, EXIT_MODEL_CHANGED, type FromEngine, type KnownAnswer, unreachable } from './protocol.ts'
import { EngineTimers, MAX_FAILED_STARTS, restartDelayMs, StartRecord } from './restart-policy.ts'

/** The kernel ends a killed process within seconds, unless a disk or a driver hangs. */
const EXIT_TIMEOUT_MS = 60_000

/**
 * Runs an engine in a child process, so that a native crash, a hang or an out-of-memory kill costs one restart and
 * never the service.
 *
 *     starting --ready--> ready --exit--> restarting --ready--> ready
 *         \--load_failed--> failed          \--5 exits without a batch--> failed
 */
export class ProcessEngine implements Engine {
  #state: EngineState = 'starting'
  #info: EngineInfo | null = null
  #failure: ServiceError | null = null
  #child: EngineChild | undefined
  #spec: EngineSpec
  #firstAnswers: readonly KnownAnswer[] = []
  /** Whether the process ends because it was told to, not because of its batch. */
  #isReplacing = false
  readonly #material: SelfTestMaterial
  readonly #options: ProcessEngineOptions
  readonly #queue: BatchQueue
  readonly #limit: BatchTimeLimit
  readonly #starts = new StartRecord()
  readonly #timers = new EngineTimers()

  /**
   * Starts loading. The self-test compares the first process with the stored answers, later ones also with those of the
   * first.
   */
  constructor(spec: EngineSpec, material: SelfTestMaterial, options: ProcessEngineOptions) {
    this.#spec = spec
    this.#material = material
    this.#options = options
    this.#queue = new BatchQueue(options.poison)
    this.#limit = new BatchTimeLimit(options.batchTimeoutMs)
    this.#launch()
  }

  get state(): EngineState {
    return this.#state
  }

  get info(): EngineInfo | null {
    return this.#info
  }

  /** Why it cannot be started; null while it can. */
  get failure(): ServiceError | null {
    return this.#failure
  }

  /** How often the process was replaced. */
  get restarts(): number {
    return this.#starts.restarts
  }

  /** Fed tokens of the running batch and of those that wait for it. */
  get pendingTokens(): number {
    return this.#queue.tokens
  }

  /** Resolves when the first process is ready. Rejects with the reason why the model cannot be loaded. */
  started(): Promise<EngineInfo> {
    return this.#starts.started
  }

  /**
   * Later starts refuse files with other content, wherever links then lead: scores must stay those of the model first
   * loaded.
   */
  expectFiles(expectedFiles: EngineSpec['expectedFiles']): void {
    this.#spec = { ...this.#spec, expectedFiles }
  }

  score(batch: Batch): Promise<BatchScores> {
    if (this.#state === 'failed' || this.#state === 'stopped') return Promise.reject(unavailable(this.#failure))
    const scores = this.#queue.add(batch)
    this.#dispatch()
    return scores
  }

  /** Takes over a batch that another engine could not finish. */
  adopt(pending: PendingBatch): void {
    this.#queue.adopt(pending)
    this.#dispatch()
  }

  /**
   * Gives up the waiting batches, for another engine to `adopt`. Without a ready process no batch runs, so these are
   * all.
   */
  handOver(): PendingBatch[] {
    return this.#queue.takeWaiting()
  }

  /** Kills a ready process and starts another, which has to pass the self-test; the running batch runs again there. */
  replace(reason: string): void {
    if (this.#state !== 'ready') return
    this.#options.log.error({ reason }, 'replacing the engine process')
    this.#isReplacing = true
    this.#end()
  }

  async close(): Promise<void> {
    if (this.#state === 'stopped') return
    this.#state = 'stopped'
    this.#timers.clearAll()
    this.#queue.rejectAll(unavailable(null))
    this.#starts.giveUp(unavailable(null))
    await this.#child?.close()
  }

  #launch(): void {
    const { startTimeoutMs, heartbeatTimeoutMs } = this.#options
    const child = new EngineChild(heartbeatTimeoutMs, {
      message: (message) => this.#receive(message),
      error: (error) => this.#options.log.warn({ reason: error.message }, 'error of the engine process or its channel'),
      silent: () => this.#hung({ heartbeatTimeoutMs }, 'engine process gives no sign of progress; killing it'),
      exit: (exitCode, signal) => this.#exited(exitCode, signal)
    })
    this.#child = child
    this.#timers.set('start', startTimeoutMs, () => this.#hung({ startTimeoutMs }, 'engine was not ready in time; killing it'))
    child.load(this.#spec)
    const known = [...this.#material.stored, ...this.#firstAnswers]
    this.#material.texts.then(
      (texts) => child.send({ kind: 'self_test', texts, known }),
      (error: unknown) => this.#fail(serviceErrorFrom(error))
    )
  }

  #receive(message: FromEngine): void {
    switch (message.kind) {
      case 'ready':
        return this.#ready(message.info)
      case 'load_failed':
        // A second try would fail in the same way.
        return this.#fail(new ServiceError(message.code, message.message))
      case 'scored':
        this.#scored(message)
        return this.#dispatch()
      case 'failed':
        this.#finished(message.batchId)?.reject(new ServiceError(message.code, message.message))
        return this.#dispatch()
      default:
        return unreachable(message)
    }
  }

  #ready(info: EngineInfo): void {
    this.#timers.clear('start')
    this.#info = info
    const { selfTest, loadMs, memory, prepackedWeights: sharedWeights } = info
    const { verdict, toleranceNats, tookMs, answers } = selfTest
    if (this.#firstAnswers.length === 0) this.#firstAnswers = answers.map((each) => ({ source: 'repeated', ...each }))
    const durations = { loadMs: Math.round(loadMs), selfTestMs: Math.round(tookMs) }
    this.#options.log.info({ ...durations, processId: this.#child?.pid, selfTest: verdict, toleranceNats, sharedWeights }, 'engine ready')
    if (memory?.warning) this.#options.log.warn({}, memory.warning)
    this.#state = 'ready'
    this.#starts.ready(info)
    this.#options.onChange?.()
    this.#dispatch()
  }

  #exited(exitCode: number | null, signal: NodeJS.Signals | null): void {
    if (this.#state === 'stopped' || this.#state === 'failed') return
    this.#timers.clearAll()
    const isReplaced = this.#isReplacing
    this.#isReplacing = false
    this.#starts.ended(isReplaced || this.#queue.isRunning)
    const { failedStarts } = this.#starts
    const reason = exitCode === EXIT_MODEL_CHANGED ? 'a file of the model changed on disk' : 'see the exit code or the signal'
    this.#options.log.warn({ exitCode, signal, reason, failedStarts }, 'engine process ended; starting another')
    this.#state = this.#info === null ? 'starting' : 'restarting'
    this.#queue.requeue(isReplaced || exitCode === EXIT_MODEL_CHANGED)
    if (this.#starts.isHopeless) {
      const last = `last: exit code ${exitCode}, signal ${signal}; SIGKILL mostly means too little memory`
      return this.#fail(
        new ServiceError('engine_unavailable', `the engine process ended ${MAX_FAILED_STARTS} times in a row before it scored a batch (${last})`)
      )
    }
    this.#timers.set('restart', restartDelayMs(failedStarts), () => this.#launch())
    this.#options.onChange?.()
  }

  #fail(error: ServiceError): void {
    if (this.#state === 'stopped' || this.#state === 'failed') return
    this.#timers.clearAll()
    this.#options.log.error({ code: error.code, reason: error.message }, 'engine cannot be started')
    this.#state = 'failed'
    this.#failure = error
    this.#starts.giveUp(error)
    this.#options.onChange?.()
    this.#queue.rejectAll(unavailable(error))
    this.#child?.discard()
  }

  #dispatch(): void {
    if (this.#state !== 'ready') return
    const pending = this.#queue.take()
    if (pending === undefined) return
    const limitMs = Math.round(this.#limit.limitMs(pending.batch, pending.attempts))
    this.#timers.set('batch', limitMs, () => this.#hung({ limitMs }, 'engine did not answer in time; killing it'))
    this.#child?.send({ kind: 'score', batchId: pending.batchId, batch: pending.batch })
  }

  #scored({ batchId, scores }: Extract<FromEngine, { kind: 'scored' }>): void {
    const pending = this.#finished(batchId)
    if (pending === undefined) return
    this.#limit.observe(pending.batch, scores)
    this.#starts.scored()
    pending.resolve(scores)
  }

  #finished(batchId: number): PendingBatch | undefined {
    const pending = this.#queue.finish(batchId)
    if (pending !== undefined) this.#timers.clear('batch')
    return pending
  }

  #hung(fields: object, message: string): void {
    this.#options.log.error(fields, message)
    this.#end()
    this.#options.onChange?.()
  }

  /** Kills the process; `#exited` starts another. A process that survives SIGKILL hangs in the kernel or a driver. */
  #end(): void {
    if (this.#state === 'ready') this.#state = 'restarting'
    this.#timers.clearAll()
    this.#timers.set('exit', EXIT_TIMEOUT_MS, () =>
      this.#fail(new ServiceError('engine_unavailable', `the engine process did not end within ${EXIT_TIMEOUT_MS / 1000} s of SIGKILL: restart the machine`))
    )
    this.#child?.discard()
  }
}
