/** A stall of this process, however long, counts as at most one tick: 1/8 of the timeout. */
const TICKS = 8

/**
 * A timeout that leaves out the time during which this process itself was stopped or blocked. Node runs late timers
 * before it reads what arrived meanwhile, so with an ordinary timeout a stalled front would kill a healthy engine whose
 * answer waits in the channel.
 */
export class AwakeTimeout {
  readonly #timer: NodeJS.Timeout
  #ticksLeft = TICKS

  /** Starts it. */
  constructor(timeoutMs: number, onTimeout: () => void) {
    this.#timer = setInterval(() => {
      if (--this.#ticksLeft > 0) return
      this.clear()
      onTimeout()
    }, timeoutMs / TICKS)
  }

  /** Gives it the full time again. */
  postpone(): void {
    this.#ticksLeft = TICKS
  }

  clear(): void {
    clearInterval(this.#timer)
  }
}
