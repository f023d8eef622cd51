import type { ServiceError } from '../errors.ts'
import type { EngineInfo } from './engine-info.ts'

/** How the processes of an engine started: how often they were replaced, and whether another try is worth it. */
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
    // Those who wait for the start see the rejection; without one it must not end the process.
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

  /** The process ended; whether it had been ready. */
  ended(): boolean {
    const wasReady = this.#isReady
    this.#restarts++
    this.#failedStarts = wasReady ? 0 : this.#failedStarts + 1
    this.#isReady = false
    return wasReady
  }

  /** It will not be started again. */
  giveUp(error: ServiceError): void {
    this.#reject(error)
  }
}

/** Starts that fail one after the other before the engine counts as failed. */
export const MAX_FAILED_STARTS = 5

const FIRST_BACKOFF_MS = 200
const MAX_BACKOFF_MS = 10_000

/** How long to wait before the next start: not at all after a process that had been ready, then doubling. */
export function restartDelayMs(failedStarts: number): number {
  return failedStarts === 0 ? 0 : Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (failedStarts - 1))
}
