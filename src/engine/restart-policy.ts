import type { ServiceError } from '../errors.ts'
import type { EngineInfo } from './engine-info.ts'

/** Failed starts in a row after which the engine counts as failed. */
export const MAX_FAILED_STARTS = 5

const FIRST_BACKOFF_MS = 200
const MAX_BACKOFF_MS = 10_000

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

  constructor() {
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

  /** Starts in a row whose process ended before it was ready. */
  get failedStarts(): number {
    return this.#failedStarts
  }

  get isHopeless(): boolean {
    return this.#failedStarts >= MAX_FAILED_STARTS
  }

  ready(info: EngineInfo): void {
    this.#failedStarts = 0
    this.#isReady = true
    this.#resolve(info)
  }

  /** Records that the process ended. Returns whether it had been ready. */
  ended(): boolean {
    const wasReady = this.#isReady
    this.#restarts++
    this.#failedStarts = wasReady ? 0 : this.#failedStarts + 1
    this.#isReady = false
    return wasReady
  }

  /** No further process will be started. */
  giveUp(error: ServiceError): void {
    this.#reject(error)
  }
}

const TIMERS = ['start', 'batch', 'restart'] as const
type Timer = (typeof TIMERS)[number]

/** One timer each for a process to become ready, a batch to be answered, and the pause before the next start. */
export class EngineTimers {
  readonly #timers: Partial<Record<Timer, NodeJS.Timeout>> = {}

  set(timer: Timer, afterMs: number, then: () => void): void {
    this.clear(timer)
    this.#timers[timer] = setTimeout(then, afterMs)
  }

  clear(...timers: readonly Timer[]): void {
    for (const timer of timers) clearTimeout(this.#timers[timer])
  }

  clearAll(): void {
    this.clear(...TIMERS)
  }
}
