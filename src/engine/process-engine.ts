import { type ChildProcess, fork } from 'node:child_process'
import { extname } from 'node:path'
import { ServiceError } from '../errors.ts'
import { BatchLine } from './batch-line.ts'
import type { Batch, BatchScores, Engine, EngineInfo, EngineState } from './engine.ts'
import { type EngineSpec, type FromEngine, type KnownAnswer, type ToEngine, unreachable } from './protocol.ts'
import { MAX_FAILED_STARTS, restartDelayMs } from './restart-policy.ts'

export interface EngineLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
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
  #child: ChildProcess | undefined
  #knownAnswer: KnownAnswer | null
  #failedStarts = 0
  #restarts = 0
  #batchTimer: NodeJS.Timeout | undefined
  #startTimer: NodeJS.Timeout | undefined
  #restartTimer: NodeJS.Timeout | undefined
  #resolveStarted: (info: EngineInfo) => void = () => {}
  #rejectStarted: (error: ServiceError) => void = () => {}
  readonly #started: Promise<EngineInfo>
  readonly #line = new BatchLine()
  readonly #spec: EngineSpec
  readonly #options: ProcessEngineOptions

  /** Begins to load. `stored` is what the first start is compared with; later ones are compared with the first. */
  constructor(spec: EngineSpec, stored: KnownAnswer | null, options: ProcessEngineOptions) {
    this.#spec = spec
    this.#knownAnswer = stored
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

  /** How often the process was replaced. */
  get restarts(): number {
    return this.#restarts
  }

  /** Resolves when the first process is ready. Rejects with the reason why the model cannot be loaded. */
  started(): Promise<EngineInfo> {
    return this.#started
  }

  score(batch: Batch): Promise<BatchScores> {
    if (this.#state === 'failed' || this.#state === 'stopped') return Promise.reject(unavailable(this.#state))
    const scores = this.#line.add(batch)
    this.#dispatch()
    return scores
  }

  async close(): Promise<void> {
    if (this.#state === 'stopped') return
    this.#state = 'stopped'
    this.#clearTimers()
    this.#line.rejectAll(unavailable('stopped'))
    this.#rejectStarted(unavailable('stopped'))
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    // Nothing in it needs saving, and inside a forward pass it would not hear anything gentler.
    child.kill('SIGKILL')
    await gone
  }

  #launch(): void {
    const entry = new URL(`./process/entry${extname(import.meta.url)}`, import.meta.url)
    // stdout belongs to the caller's results.
    const child = fork(entry, { serialization: 'advanced', stdio: ['ignore', process.stderr, process.stderr, 'ipc'] })
    this.#child = child
    child.on('message', (message: FromEngine) => this.#receive(message))
    child.on('error', (error) => {
      this.#options.log.error({ err: error }, 'engine process error')
      // One that could not be started at all has no exit.
      if (child.pid === undefined) this.#exited(null, null)
    })
    child.once('exit', (exitCode, signal) => this.#exited(exitCode, signal))
    this.#startTimer = setTimeout(() => {
      this.#options.log.error({ startTimeoutMs: this.#options.startTimeoutMs }, 'engine was not ready in time and is killed')
      child.kill('SIGKILL')
    }, this.#options.startTimeoutMs)
    this.#send({ kind: 'load', spec: this.#spec, canary: this.#knownAnswer })
  }

  #receive(message: FromEngine): void {
    switch (message.kind) {
      case 'ready':
        return this.#ready(message.info)
      case 'load_failed':
        // The process lives but the model cannot be served: trying again gives the same answer.
        this.#fail(new ServiceError(message.code, message.message))
        this.#child?.kill('SIGKILL')
        return
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
    this.#knownAnswer ??= { source: 'repeated', ids: info.canary.ids, logProbs: info.canary.logProbs }
    this.#options.log.info({ loadMs: Math.round(info.loadMs), processId: this.#child?.pid, canaryMaxDifference: info.canary.maxDifference }, 'engine ready')
    this.#state = 'ready'
    this.#resolveStarted(info)
    this.#dispatch()
  }

  #exited(exitCode: number | null, signal: NodeJS.Signals | null): void {
    if (this.#state === 'stopped' || this.#state === 'failed') return
    this.#clearTimers()
    this.#restarts++
    this.#failedStarts = this.#state === 'ready' ? 0 : this.#failedStarts + 1
    this.#options.log.warn({ exitCode, signal, failedStarts: this.#failedStarts }, 'engine process ended; starting another')
    this.#state = this.#info === null ? 'starting' : 'restarting'
    this.#line.putBack()
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
    this.#clearTimers()
    this.#options.log.error({ code: error.code, reason: error.message }, 'engine cannot be started')
    this.#state = 'failed'
    this.#rejectStarted(error)
    this.#line.rejectAll(unavailable('failed'))
  }

  #dispatch(): void {
    if (this.#state !== 'ready') return
    const pending = this.#line.take()
    if (pending === undefined) return
    this.#batchTimer = setTimeout(() => {
      this.#options.log.error({ batchTimeoutMs: this.#options.batchTimeoutMs }, 'engine did not answer in time and is killed')
      this.#child?.kill('SIGKILL')
    }, this.#options.batchTimeoutMs)
    this.#send({ kind: 'score', batchId: pending.batchId, batch: pending.batch })
  }

  #finished(batchId: number): ReturnType<BatchLine['finish']> {
    const pending = this.#line.finish(batchId)
    if (pending !== undefined) clearTimeout(this.#batchTimer)
    return pending
  }

  #send(message: ToEngine): void {
    // The channel may close between a crash and its 'exit' event, which then decides what happens to the batch.
    this.#child?.send(message, (error) => {
      if (error) this.#options.log.warn({ reason: error.message }, 'a message did not reach the engine process')
    })
  }
}

function unavailable(state: 'failed' | 'stopped'): ServiceError {
  return new ServiceError(
    'engine_unavailable',
    state === 'failed' ? 'the engine process cannot be started; the service log says why' : 'the service is stopping'
  )
}
