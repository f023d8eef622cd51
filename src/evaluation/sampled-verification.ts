import { elementAt } from '../element-at.ts'
import type { EncodedItem } from '../encoding/encoded-item.ts'
import type { Batch, BatchScores } from '../engine/engine.ts'
import { isEngineAbsence } from '../errors.ts'
import type { Scheduler } from '../scheduling/scheduler.ts'
import { type Check, type Checks, verdictOf } from '../scoring/checks/check.ts'
import { passesOf, type VerificationPasses, verificationBatches, verificationChecks, workOf } from './deep-verification.ts'
import type { EvaluationContext } from './evaluation-context.ts'
import type { SequenceScores } from './scored-item.ts'

/** The part of a scored sequence that a verification needs. */
export interface VerifiedSequence {
  readonly encoded: Pick<EncodedItem, 'ids' | 'sizes' | 'scoredStart' | 'scoredEnd'>
  readonly scored: Pick<SequenceScores, 'rows' | 'sums'>
}

export interface SampledVerificationOptions {
  /** Share of the scored sequences to verify, 0 to 1. */
  readonly share: number
  /** Called after each verification with its verdict and the checks that did not pass. */
  readonly onVerified: (verdict: Checks['verdict'], notPassed: readonly Check[]) => void
  /** Called when a verification throws, except when the engine was unavailable or the queue full. */
  readonly onFailed: (error: unknown) => void
  readonly random?: () => number
}

/**
 * Runs the passes of `verify: "deep"` on a share of the answered sequences, after their response and only while the
 * scheduler is idle.
 */
export class SampledVerification {
  readonly #context: EvaluationContext
  readonly #scheduler: Pick<Scheduler, 'submitAll' | 'isIdle'>
  readonly #options: SampledVerificationOptions
  readonly #random: () => number
  #isBusy = false

  constructor(context: EvaluationContext, scheduler: Pick<Scheduler, 'submitAll' | 'isIdle'>, options: SampledVerificationOptions) {
    this.#context = context
    this.#scheduler = scheduler
    this.#options = options
    this.#random = options.random ?? Math.random
  }

  /** Decides at random whether to verify this sequence. Returns at once and never throws. */
  consider(encoded: VerifiedSequence['encoded'], scored: VerifiedSequence['scored']): void {
    if (this.#isBusy || this.#random() >= this.#options.share) return
    // The scheduler may still count the batch of this sequence as running.
    setImmediate(() => {
      if (!this.#isBusy && this.#scheduler.isIdle) void this.#verify(encoded, scored)
    })
  }

  async #verify(encoded: VerifiedSequence['encoded'], { rows, sums }: VerifiedSequence['scored']): Promise<void> {
    this.#isBusy = true
    try {
      const batches = verificationBatches(encoded, this.#context)
      if (batches === null || rows === null) return
      const { items, verdict } = verdictOf(verificationChecks(encoded, rows, sums, await this.#passes(batches), this.#context))
      this.#options.onVerified(
        verdict,
        items.filter(({ status }) => status === 'warn' || status === 'fail')
      )
    } catch (error) {
      // The engine was replaced or the service is stopping: that says nothing about the scores.
      if (!isEngineAbsence(error)) this.#options.onFailed(error)
    } finally {
      this.#isBusy = false
    }
  }

  async #passes(batches: VerificationPasses<Batch>): Promise<VerificationPasses<BatchScores>> {
    const work = workOf(batches)
    const scores = this.#scheduler.submitAll(work, { signal: new AbortController().signal, priority: 'batch' })
    return passesOf(batches, async (batch) =>
      elementAt(
        scores,
        work.findIndex(({ exactly }) => exactly === batch)
      )
    )
  }
}
