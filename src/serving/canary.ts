import type { SelfTestReport } from '../engine/engine-info.ts'
import { isEngineAbsence } from '../errors.ts'
import type { Scheduler } from '../scheduling/scheduler.ts'
import { passDifference } from '../scoring/checks/pass-checks.ts'

/** A text of the self-test and what it has to give. */
interface CanaryContext {
  readonly scheduler: Pick<Scheduler, 'runNext'>
  readonly selfTest: SelfTestReport
  /** What is done when the numbers are no longer those of the start. */
  readonly onWrong: (maxDifferenceNats: number) => void
  /** Told why a run compared nothing, unless the engine was away or the canary was stopped. */
  readonly onFailed: (error: unknown) => void
}

/**
 * Scores a text of the self-test again while serving and compares it with the start, every `intervalMs` and when asked
 * to: memory that went bad and weights that changed under the process show here.
 */
export class Canary {
  readonly #context: CanaryContext
  readonly #timer: NodeJS.Timeout | undefined
  readonly #stopped = new AbortController()
  #next = 0
  #lastMaxDifference: number | null = null

  /** 0 ms: only when asked to. */
  constructor(context: CanaryContext, intervalMs: number) {
    this.#context = context
    if (intervalMs > 0) this.#timer = setInterval(() => void this.run(), intervalMs).unref()
  }

  /** Of the last run, nats; null before the first. */
  get lastMaxDifference(): number | null {
    return this.#lastMaxDifference
  }

  /** Resolves when one text has been compared; each call takes the next one. Never rejects. */
  async run(): Promise<void> {
    const { scheduler, selfTest, onWrong, onFailed } = this.#context
    const answer = selfTest.answers[this.#next++ % selfTest.answers.length]
    if (answer === undefined) return
    try {
      const { rows } = await scheduler.runNext({ sequences: [{ ids: Int32Array.from(answer.ids), firstScored: 1 }], topCount: null }, this.#stopped.signal)
      const { max } = passDifference(rows[0]?.logProbs ?? [], answer.logProbs)
      this.#lastMaxDifference = max
      if (!(max <= selfTest.toleranceNats)) onWrong(max)
    } catch (error) {
      // An engine that is away gave no number, so none was wrong; it has its own restart.
      if (!isEngineAbsence(error) && !this.#stopped.signal.aborted) onFailed(error)
    }
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#stopped.abort()
  }
}
