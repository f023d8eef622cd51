import { ServiceError, serviceErrorFrom } from '../errors.ts'
import { BatchLine } from './batch-line.ts'
import type { Batch, BatchScores, Engine, EngineInfo, EngineState } from './engine.ts'
import { EngineChild } from './engine-child.ts'
import { type EngineSpec, EXIT_MODEL_CHANGED, type FromEngine, type KnownAnswer, type SelfTestTexts, unreachable } from './protocol.ts'
import { MAX_FAILED_STARTS, restartDelayMs } from './restart-policy.ts'

export interface EngineLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** What every process of an engine is tested with. */
export interface SelfTestMaterial {
  /** Needs the tokenizer, which loads at the same time as the model. */
  readonly texts: Promise<SelfTestTexts>
  /** Answers stored with the model. */
  readonly stored: readonly KnownAnswer[]
}

export interface ProcessEngineOptions {
  readonly log: EngineLog
  /** A batch that has not been answered after so long means a hung engine, which is killed. */
  readonly batchTimeoutMs: number
  /** A process that is not ready after so long is killed and counts as a failed start. */
  readonly startTimeoutMs: number
}

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
  #failedStarts = 0
  /** Whether the process that runs has been ready. */
  #wasReady = false
  #restarts = 0
  #batchTimer: NodeJS.Timeout | undefined
  #startTimer: NodeJS.Timeout | undefined
  #restartTimer: NodeJS.Timeout | undefined
  #resolveStarted: (info: EngineInfo) => void = () => {}
  #rejectStarted: (error: ServiceError) => void = () => {}
  readonly #started: Promise<EngineInfo>
  readonly #line = new BatchLine()
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
    this.#started = new Promise((resolve, reject) => {
      this.#resolveStarted = resolve
      this.#rejectStarted = reject
    })
    // Those who wait for the start see the rejection; without one it must not end the process.
    this.#started.catch(() => {})
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
    return this.#restarts
  }

  /** Resolves when the first process is ready. Rejects with the reason why the model cannot be loaded. */
  started(): Promise<EngineInfo> {
    return this.#started
  }

  score(batch: Batch): Promise<BatchScores> {
    if (this.#state === 'failed' || this.#state === 'stopped') return Promise.reject(unavailable(this.#failure))
    const scores = this.#line.add(batch)
    this.#dispatch()
    return scores
  }

  async close(): Promise<void> {
    if (this.#state === 'stopped') return
    this.#state = 'stopped'
    this.#clearTimers()
    this.#line.rejectAll(unavailable(null))
    this.#rejectStarted(unavailable(null))
    await this.#child?.end()
  }

  #launch(): void {
    const child = new EngineChild({
      message: (message) => this.#receive(message),
      trouble: (error) => this.#options.log.warn({ reason: error.message }, 'trouble with the engine process'),
      exit: (exitCode, signal) => this.#exited(exitCode, signal)
    })
    this.#child = child
    this.#startTimer = setTimeout(() => {
      this.#options.log.error({ startTimeoutMs: this.#options.startTimeoutMs }, 'engine was not ready in time and is killed')
      child.kill()
    }, this.#options.startTimeoutMs)
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
    clearTimeout(this.#startTimer)
    this.#info = info
    this.#failedStarts = 0
    this.#wasReady = true
    const { verdict, toleranceNats, tookMs, answers } = info.selfTest
    if (this.#firstAnswers.length === 0) this.#firstAnswers = answers.map((each) => ({ source: 'repeated', ...each }))
    this.#options.log.info(
      { loadMs: Math.round(info.loadMs), selfTestMs: Math.round(tookMs), processId: this.#child?.pid, selfTest: verdict, toleranceNats },
      'engine ready'
    )
    if (info.memory?.warning) this.#options.log.warn({}, info.memory.warning)
    this.#state = 'ready'
    this.#resolveStarted(info)
    this.#dispatch()
  }

  #exited(exitCode: number | null, signal: NodeJS.Signals | null): void {
    if (this.#state === 'stopped' || this.#state === 'failed') return
    this.#clearTimers()
    this.#restarts++
    // A process that is replaced had been ready, and is `restarting` already.
    const isReplaced = this.#state === 'restarting' && this.#wasReady
    this.#failedStarts = this.#wasReady ? 0 : this.#failedStarts + 1
    this.#wasReady = false
    const reason = exitCode === EXIT_MODEL_CHANGED ? 'a file of the model changed on disk' : 'see the exit code or the signal'
    this.#options.log.warn({ exitCode, signal, reason, failedStarts: this.#failedStarts }, 'engine process ended; starting another')
    this.#state = this.#info === null ? 'starting' : 'restarting'
    this.#line.putBack(isReplaced || exitCode === EXIT_MODEL_CHANGED)
    if (this.#failedStarts >= MAX_FAILED_STARTS) {
      this.#fail(
        new ServiceError(
          'engine_unavailable',
          `the engine process ended ${MAX_FAILED_STARTS} times before it was ready (last: exit code ${exitCode}, signal ${signal})`
        )
      )
      return
    }
    this.#restartTimer = setTimeout(() => this.#launch(), restartDelayMs(this.#failedStarts))
  }

  #clearTimers(): void {
    for (const timer of [this.#startTimer, this.#batchTimer, this.#restartTimer]) clearTimeout(timer)
  }

  #fail(error: ServiceError): void {
    if (this.#state === 'stopped' || this.#state === 'failed') return
    this.#clearTimers()
    this.#options.log.error({ code: error.code, reason: error.message }, 'engine cannot be started')
    this.#state = 'failed'
    this.#failure = error
    this.#rejectStarted(error)
    this.#line.rejectAll(unavailable(error))
    this.#child?.killUnheard()
  }

  #dispatch(): void {
    if (this.#state !== 'ready') return
    const pending = this.#line.take()
    if (pending === undefined) return
    this.#batchTimer = setTimeout(() => {
      this.#options.log.error({ batchTimeoutMs: this.#options.batchTimeoutMs }, 'engine did not answer in time and is killed')
      this.#child?.kill()
    }, this.#options.batchTimeoutMs)
    this.#child?.send({ kind: 'score', batchId: pending.batchId, batch: pending.batch })
  }

  #finished(batchId: number): ReturnType<BatchLine['finish']> {
    const pending = this.#line.finish(batchId)
    if (pending !== undefined) clearTimeout(this.#batchTimer)
    return pending
  }
}

function unavailable(failure: ServiceError | null): ServiceError {
  return new ServiceError('engine_unavailable', failure?.message ?? 'the service is stopping')
}
