import type { ServiceError } from '../errors.ts'
import { AwakeTimeout } from '../process/awake-timeout.ts'
import type { EngineInfo } from './engine-info.ts'

/** Failed starts in a row after which the engine counts as failed. */
export const MAX_FAILED_STARTS = 5

const FIRST_BACKOFF_MS = 200
const MAX_BACKOFF_MS = 10_000

/** A process that ends sooner after it became ready, without a batch, has failed to start: it would end again. */
const PROVING_MS = 10_000

/** Pause before the next start: none after a process that had been ready, then doubling with each failed start. */
export function restartDelayMs(failedStarts: number): number {
  return failedStarts === 0 ? 0 : Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (failedStarts - 1))
}

/** Counts restarts and failed starts of an engine's processes, and settles the promise of its first start. */
export class StartRecord {
  /** Resolves when the first process is ready. Rejects with the reason why the model cannot be loaded. */
  readonly started: Promise<EngineInfo>
  #resolve: (info: EngineInfo) => void = () => {}
  #reject: (error: ServiceError) => void = () => {}
  #restarts = 0
  #failedStarts = 0
  #isReady = false
  #readyAtMs = 0
  #hasScored = false
  readonly #now: () => number

  /** `now` is a monotonic clock, in milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
    this.started = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // A rejection that nobody awaits must not end the front process.
    this.started.catch(() => {})
  }

  get restarts(): number {
    return this.#restarts
  }

  /** Starts in a row whose process ended before it scored a batch. */
  get failedStarts(): number {
    return this.#failedStarts
  }

  get isHopeless(): boolean {
    return this.#failedStarts >= MAX_FAILED_STARTS
  }

  ready(info: EngineInfo): void {
    this.#isReady = true
    this.#readyAtMs = this.#now()
    this.#resolve(info)
  }

  /** The process has scored a batch. */
  scored(): void {
    this.#failedStarts = 0
    this.#hasScored = true
  }

  /**
   * Records that the process ended. Also after it was ready, this is a failed start if it had scored nothing in the
   * time it had, unless it is `excused`: it was told to end, or ended over a batch.
   */
  ended(isExcused: boolean): void {
    const hadTime = this.#now() - this.#readyAtMs > PROVING_MS
    const isFailedStart = !this.#isReady || !(isExcused || this.#hasScored || hadTime)
    this.#restarts++
    this.#failedStarts = isFailedStart ? this.#failedStarts + 1 : 0
    this.#isReady = false
    this.#hasScored = false
  }

  /** No further process will be started. */
  giveUp(error: ServiceError): void {
    this.#reject(error)
  }
}

const TIMERS = ['start', 'batch', 'restart', 'exit'] as const
type Timer = (typeof TIMERS)[number]

/**
 * One timer each for a process to become ready, a batch to be answered, the pause before the next start, and a killed
 * process to end.
 */
export class EngineTimers {
  readonly #timers: Partial<Record<Timer, AwakeTimeout>> = {}

  set(timer: Timer, afterMs: number, then: () => void): void {
    this.clear(timer)
    this.#timers[timer] = new AwakeTimeout(afterMs, then)
  }

  clear(...timers: readonly Timer[]): void {
    for (const timer of timers) this.#timers[timer]?.clear()
  }

  clearAll(): void {
    this.clear(...TIMERS)
  }
}
