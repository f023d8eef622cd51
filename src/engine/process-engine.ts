import { ServiceError, serviceErrorFrom } from '../errors.ts'
import { BatchQueue, type PendingBatch, unavailable } from './batch-queue.ts'
import type { Batch, BatchScores, Engine, EngineState } from './engine.ts'
import { EngineChild, EngineTimers } from './engine-child.ts'
import type { EngineInfo } from './engine-info.ts'
import type { ProcessEngineOptions, SelfTestMaterial } from './engine-options.ts'
import { type EngineSpec, EXIT_MODEL_CHANGED, type FromEngine, type KnownAnswer, unreachable } from './protocol.ts'
import { MAX_FAILED_STARTS, restartDelayMs, StartRecord } from './restart-policy.ts'

/**
 * An engine in a process of its own, so that a native crash, a hang or an out-of-memory kill costs one restart and
 * never the service.
 *
 *     starting --ready--> ready --exit--> restarting --ready--> ready
 *         \--load_failed--> failed          \--5 exits without a ready--> failed
 */
export class ProcessEngine implements Engine {
  #state: EngineState = 'starting'
  #info: EngineInfo | null = null
  #child: EngineChild | undefined
  readonly #starts = new StartRecord()
  readonly #timers = new EngineTimers()
  readonly #line = new BatchQueue()
  #spec: EngineSpec
  readonly #material: SelfTestMaterial
  #firstAnswers: readonly KnownAnswer[] = []
  #failure: ServiceError | null = null
  readonly #options: ProcessEngineOptions

  /** Begins to load. The first start is compared with the stored answers, later ones also with those of the first. */
  constructor(spec: EngineSpec, material: SelfTestMaterial, options: ProcessEngineOptions) {
    this.#spec = spec
    this.#material = material
    this.#options = options
    this.#launch()
  }

  get state(): EngineState {
    return this.#state
  }

  get executionProvider(): EngineSpec['executionProvider'] {
    return this.#spec.executionProvider
  }

  get info(): EngineInfo | null {
    return this.#info
  }

  /** Why it cannot be started; null while it can. */
  get failure(): ServiceError | null {
    return this.#failure
  }

  /** From the next start on, files with other content are refused, wherever links lead then: the model must stay the one that was first loaded. */
  expectFiles(expectedFiles: EngineSpec['expectedFiles']): void {
    this.#spec = { ...this.#spec, expectedFiles }
  }

  /** Ends the process and starts another, which has to pass the self-test; the batch in hand runs again there. */
  replace(reason: string): void {
    if (this.#state !== 'ready') return
    this.#options.log.error({ reason }, 'engine process is replaced')
    this.#state = 'restarting'
    this.#child?.killUnheard()
  }

  /** How often the process was replaced. */
  get restarts(): number {
    return this.#starts.restarts
  }

  /** Resolves when the first process is ready. Rejects with the reason why the model cannot be loaded. */
  started(): Promise<EngineInfo> {
    return this.#starts.started
  }

  score(batch: Batch): Promise<BatchScores> {
    if (this.#state === 'failed' || this.#state === 'stopped') return Promise.reject(unavailable(this.#failure))
    const scores = this.#line.add(batch)
    this.#dispatch()
    return scores
  }

  /** Fed tokens of the batches that it runs and that wait for it. */
  get tokensInHand(): number {
    return this.#line.tokens
  }

  /** Takes a batch that another engine could not finish, with the tries that it had there. */
  adopt(pending: PendingBatch): void {
    this.#line.adopt(pending)
    this.#dispatch()
  }

  /** Gives away what waits for it, for others to `adopt`; while it has no process that is ready, that is all. */
  handOver(): PendingBatch[] {
    return this.#line.takeWaiting()
  }

  async close(): Promise<void> {
    if (this.#state === 'stopped') return
    this.#state = 'stopped'
    this.#timers.clearAll()
    this.#line.rejectAll(unavailable(null))
    this.#starts.giveUp(unavailable(null))
    await this.#child?.end()
  }

  #launch(): void {
    const child = new EngineChild({
      message: (message) => this.#receive(message),
      trouble: (error) => this.#options.log.warn({ reason: error.message }, 'trouble with the engine process'),
      exit: (exitCode, signal) => this.#exited(exitCode, signal)
    })
    this.#child = child
    const { startTimeoutMs } = this.#options
    this.#timers.set('start', startTimeoutMs, () => {
      this.#options.log.error({ startTimeoutMs }, 'engine was not ready in time and is killed')
      child.kill()
    })
    child.send({ kind: 'load', spec: this.#spec })
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
        // The process lives but the model cannot be served: trying again gives the same answer.
        return this.#fail(new ServiceError(message.code, message.message))
      case 'scored':
        this.#finished(message.batchId)?.resolve(message.scores)
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
    const { verdict, toleranceNats, tookMs, answers } = info.selfTest
    if (this.#firstAnswers.length === 0) this.#firstAnswers = answers.map((each) => ({ source: 'repeated', ...each }))
    this.#options.log.info(
      {
        loadMs: Math.round(info.loadMs),
        selfTestMs: Math.round(tookMs),
        processId: this.#child?.pid,
        selfTest: verdict,
        toleranceNats,
        sharedWeights: info.prepackedWeights
      },
      'engine ready'
    )
    if (info.memory?.warning) this.#options.log.warn({}, info.memory.warning)
    this.#state = 'ready'
    this.#starts.ready(info)
    this.#options.onChange?.()
    this.#dispatch()
  }

  #exited(exitCode: number | null, signal: NodeJS.Signals | null): void {
    if (this.#state === 'stopped' || this.#state === 'failed') return
    this.#timers.clearAll()
    // A process that is replaced had been ready, and is `restarting` already.
    const isReplaced = this.#starts.ended() && this.#state === 'restarting'
    const { failedStarts } = this.#starts
    const reason = exitCode === EXIT_MODEL_CHANGED ? 'a file of the model changed on disk' : 'see the exit code or the signal'
    this.#options.log.warn({ exitCode, signal, reason, failedStarts }, 'engine process ended; starting another')
    this.#state = this.#info === null ? 'starting' : 'restarting'
    this.#line.putBack(isReplaced || exitCode === EXIT_MODEL_CHANGED)
    if (this.#starts.isHopeless) {
      this.#fail(
        new ServiceError(
          'engine_unavailable',
          `the engine process ended ${MAX_FAILED_STARTS} times before it was ready (last: exit code ${exitCode}, signal ${signal})`
        )
      )
      return
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
    this.#line.rejectAll(unavailable(error))
    this.#child?.killUnheard()
  }

  #dispatch(): void {
    if (this.#state !== 'ready') return
    const pending = this.#line.take()
    if (pending === undefined) return
    const { batchTimeoutMs } = this.#options
    this.#timers.set('batch', batchTimeoutMs, () => {
      this.#options.log.error({ batchTimeoutMs }, 'engine did not answer in time and is killed')
      this.#child?.kill()
    })
    this.#child?.send({ kind: 'score', batchId: pending.batchId, batch: pending.batch })
  }

  #finished(batchId: number): ReturnType<BatchQueue['finish']> {
    const pending = this.#line.finish(batchId)
    if (pending !== undefined) this.#timers.clear('batch')
    return pending
  }
}
