import { type ChildProcess, fork } from 'node:child_process'
import { extname } from 'node:path'
import { ServiceError } from '../errors.ts'
import type { Batch, BatchScores, Engine, EngineInfo, EngineState } from './engine.ts'
import { type EngineSpec, type FromEngine, type KnownAnswer, type ToEngine, unreachable } from './protocol.ts'

export interface EngineLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface ProcessEngineOptions {
  readonly log: EngineLog
  /** A batch that has not been answered after so long means a hung engine, which is killed. */
  readonly batchTimeoutMs: number
  readonly onStateChange?: (state: EngineState) => void
}

/** Starts that fail one after the other before the engine counts as failed. */
const MAX_FAILED_STARTS = 5
const FIRST_BACKOFF_MS = 200
const MAX_BACKOFF_MS = 10_000
/** Runs of one batch: the first and, after a crash, one more. */
const MAX_ATTEMPTS = 2

interface PendingBatch {
  readonly batchId: number
  readonly batch: Batch
  attempts: number
  readonly resolve: (scores: BatchScores) => void
  readonly reject: (error: ServiceError) => void
}

/**
 * An engine in a process of its own, so that a native crash, a hang or an out-of-memory kill costs one restart and
 * never the service.
 *
 *     starting --ready--> ready --exit--> restarting --ready--> ready
 *         \--load_failed--> failed          \--5 exits without a ready--> failed
 *
 * One batch is with the process at a time; the next waits here, because it has to survive the process.
 */
export class ProcessEngine implements Engine {
  #state: EngineState = 'starting'
  #info: EngineInfo | null = null
  #child: ChildProcess | undefined
  #knownAnswer: KnownAnswer | null
  #failedStarts = 0
  #lastBatchId = 0
  #inHand: PendingBatch | undefined
  readonly #waiting: PendingBatch[] = []
  #batchTimer: NodeJS.Timeout | undefined
  #restartTimer: NodeJS.Timeout | undefined
  readonly #spec: EngineSpec
  readonly #options: ProcessEngineOptions
  readonly #started: Promise<EngineInfo>
  #resolveStarted: (info: EngineInfo) => void = () => {}
  #rejectStarted: (error: ServiceError) => void = () => {}
  #restarts = 0

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

  get info(): EngineInfo | null {
    return this.#info
  }

  /** How often the process was replaced. */
  get restarts(): number {
    return this.#restarts
  }

  get processId(): number | undefined {
    return this.#child?.pid
  }

  /** Resolves when the first process is ready. Rejects with the reason why the model cannot be loaded. */
  started(): Promise<EngineInfo> {
    return this.#started
  }

  score(batch: Batch): Promise<BatchScores> {
    if (this.#state === 'failed' || this.#state === 'stopped') return Promise.reject(unavailable(this.#state))
    return new Promise((resolve, reject) => {
      this.#waiting.push({ batchId: ++this.#lastBatchId, batch, attempts: 0, resolve, reject })
      this.#dispatch()
    })
  }

  async close(): Promise<void> {
    if (this.#state === 'stopped') return
    this.#setState('stopped')
    clearTimeout(this.#restartTimer)
    clearTimeout(this.#batchTimer)
    this.#rejectAll(unavailable('stopped'))
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
    child.on('error', (error) => this.#options.log.error({ err: error }, 'engine process error'))
    child.once('exit', (exitCode, signal) => this.#exited(child, exitCode, signal))
    this.#send({ kind: 'load', spec: this.#spec, canary: this.#knownAnswer })
  }

  #receive(message: FromEngine): void {
    switch (message.kind) {
      case 'ready':
        return this.#ready(message.info)
      case 'load_failed':
        return this.#loadFailed(new ServiceError(message.code, message.message))
      case 'scored':
        return this.#finish(message.batchId, (pending) => pending.resolve(message.scores))
      case 'failed':
        return this.#finish(message.batchId, (pending) => pending.reject(new ServiceError(message.code, message.message)))
      default:
        return unreachable(message)
    }
  }

  #ready(info: EngineInfo): void {
    this.#info = info
    this.#failedStarts = 0
    this.#knownAnswer ??= { source: 'repeated', ids: info.canary.ids, logProbs: info.canary.logProbs }
    this.#options.log.info({ loadMs: info.loadMs, processId: this.#child?.pid, canaryMaxDifference: info.canary.maxDifference }, 'engine ready')
    this.#setState('ready')
    this.#resolveStarted(info)
    this.#dispatch()
  }

  /** The process lives but the model cannot be served: trying again gives the same answer. */
  #loadFailed(error: ServiceError): void {
    this.#options.log.error({ code: error.code, reason: error.message }, 'engine could not load the model')
    this.#setState('failed')
    this.#rejectStarted(error)
    this.#rejectAll(unavailable('failed'))
    this.#child?.kill('SIGKILL')
  }

  #exited(child: ChildProcess, exitCode: number | null, signal: NodeJS.Signals | null): void {
    if (child !== this.#child || this.#state === 'stopped' || this.#state === 'failed') return
    clearTimeout(this.#batchTimer)
    this.#restarts++
    this.#failedStarts = this.#state === 'ready' ? 0 : this.#failedStarts + 1
    this.#options.log.warn({ exitCode, signal, processId: child.pid, failedStarts: this.#failedStarts }, 'engine process ended; starting another')
    this.#setState('restarting')
    this.#keepForRetry()

    if (this.#failedStarts >= MAX_FAILED_STARTS) {
      const error = new ServiceError(
        'engine_unavailable',
        `the engine process ended ${MAX_FAILED_STARTS} times before it was ready (last: exit code ${exitCode}, signal ${signal})`
      )
      this.#setState('failed')
      this.#rejectStarted(error)
      this.#rejectAll(error)
      return
    }
    const delayMs = this.#failedStarts === 0 ? 0 : Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (this.#failedStarts - 1))
    this.#restartTimer = setTimeout(() => this.#launch(), delayMs)
  }

  #keepForRetry(): void {
    const pending = this.#inHand
    this.#inHand = undefined
    if (pending === undefined) return
    if (pending.attempts < MAX_ATTEMPTS) {
      this.#waiting.unshift(pending)
      return
    }
    pending.reject(
      new ServiceError('engine_crashed', `the engine process ended ${MAX_ATTEMPTS} times while it computed this batch; the request was not tried again`)
    )
  }

  #dispatch(): void {
    if (this.#state !== 'ready' || this.#inHand !== undefined) return
    const pending = this.#waiting.shift()
    if (pending === undefined) return
    pending.attempts++
    this.#inHand = pending
    this.#batchTimer = setTimeout(() => {
      this.#options.log.error({ batchTimeoutMs: this.#options.batchTimeoutMs }, 'engine did not answer in time and is killed')
      this.#child?.kill('SIGKILL')
    }, this.#options.batchTimeoutMs)
    this.#send({ kind: 'score', batchId: pending.batchId, batch: pending.batch })
  }

  #finish(batchId: number, settle: (pending: PendingBatch) => void): void {
    const pending = this.#inHand
    if (pending?.batchId !== batchId) return
    clearTimeout(this.#batchTimer)
    this.#inHand = undefined
    settle(pending)
    this.#dispatch()
  }

  #send(message: ToEngine): void {
    // The channel may close between a crash and its 'exit' event, which then decides what happens to the batch.
    this.#child?.send(message, (error) => {
      if (error) this.#options.log.warn({ reason: error.message }, 'a message did not reach the engine process')
    })
  }

  #rejectAll(error: ServiceError): void {
    const pending = [...(this.#inHand ? [this.#inHand] : []), ...this.#waiting.splice(0)]
    this.#inHand = undefined
    for (const { reject } of pending) reject(error)
  }

  #setState(state: EngineState): void {
    this.#state = state
    this.#options.onStateChange?.(state)
  }
}

function unavailable(state: 'failed' | 'stopped'): ServiceError {
  return new ServiceError(
    'engine_unavailable',
    state === 'failed' ? 'the engine process cannot be started; the service log says why' : 'the service is stopping'
  )
}
