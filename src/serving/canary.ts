import type { SelfTestReport } from '../engine/engine-info.ts'
import { isEngineAbsence } from '../errors.ts'
import type { Scheduler } from '../scheduling/scheduler.ts'
import { passDifference } from '../scoring/checks/pass-checks.ts'

interface CanaryContext {
  readonly scheduler: Pick<Scheduler, 'runNext'>
  /** Its answers are the texts to score, with their log-probabilities. */
  readonly selfTest: SelfTestReport
  /** Called when a token differs from the self-test by more than the tolerance. */
  readonly onWrong: (maxDifferenceNats: number) => void
  /** Called when a run compared nothing, except while the engine is away and after `stop`. */
  readonly onFailed: (error: unknown) => void
}

/**
 * Scores a text of the self-test again while serving, every `intervalMs` and on demand, and compares it with the result
 * at start-up. It detects memory that has gone bad and weights that changed under the process.
 */
export class Canary {
  readonly #context: CanaryContext
  readonly #timer: NodeJS.Timeout | undefined
  readonly #stopped = new AbortController()
  #runs = 0
  #lastMaxDifference: number | null = null

  /** An interval of 0 ms turns the timer off. */
  constructor(context: CanaryContext, intervalMs: number) {
    this.#context = context
    if (intervalMs > 0) this.#timer = setInterval(() => void this.run(), intervalMs).unref()
  }

  /** Of the last run, nats; null before the first. */
  get lastMaxDifference(): number | null {
    return this.#lastMaxDifference
  }

  /** Scores the next text, in turn, and compares it. Never rejects. */
  async run(): Promise<void> {
    const { scheduler, selfTest, onWrong, onFailed } = this.#context
    const answer = selfTest.answers[this.#runs++ % selfTest.answers.length]
    if (answer === undefined) return
    try {
      const { rows } = await scheduler.runNext({ sequences: [{ ids: Int32Array.from(answer.ids), firstScored: 1 }], topCount: null }, this.#stopped.signal)
      const { max } = passDifference(rows[0]?.logProbs ?? [], answer.logProbs)
      this.#lastMaxDifference = max
      if (!(max <= selfTest.toleranceNats)) onWrong(max)
    } catch (error) {
      // An absent engine returned no score, so none was wrong; the pool restarts it.
      if (!isEngineAbsence(error) && !this.#stopped.signal.aborted) onFailed(error)
    }
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#stopped.abort()
  }
}
