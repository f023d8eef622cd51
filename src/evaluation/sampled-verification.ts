import { elementAt } from '../element-at.ts'
import type { EncodedItem } from '../encoding/encoded-item.ts'
import type { EncodingContext } from '../encoding/item-input.ts'
import type { Batch, BatchScores } from '../engine/engine.ts'
import { isEngineAbsence } from '../errors.ts'
import type { Scheduler } from '../scheduling/scheduler.ts'
import { type Check, type Checks, verdictOf } from '../scoring/checks/check.ts'
import { passesOf, type VerificationPasses, verificationBatches, verificationChecks, workOf } from './deep-verification.ts'
import type { Scored } from './scored-item.ts'

/** What a verification has to know of a scored sequence. */
export interface VerifiedSequence {
  readonly encoded: Pick<EncodedItem, 'ids' | 'sizes' | 'scoredStart' | 'scoredEnd'>
  readonly scored: Pick<Scored, 'rows' | 'sums'>
}

export interface SampledVerificationOptions {
  /** Share of the scored sequences, 0 to 1. */
  readonly share: number
  /** Told of each verification: its verdict, and the checks that did not pass. */
  readonly onVerified: (verdict: Checks['verdict'], found: readonly Check[]) => void
  /** Told why a verification showed nothing, unless the engine was away or the queue was full. */
  readonly onFailed: (error: unknown) => void
  readonly random?: () => number
}

/** Verifies a share of the answered sequences as deeply as `verify: "deep"` would, after their answer and only while nothing else waits. */
export class SampledVerification {
  readonly #context: EncodingContext
  readonly #scheduler: Pick<Scheduler, 'submitAll' | 'isIdle'>
  readonly #options: SampledVerificationOptions
  readonly #random: () => number
  #isBusy = false

  constructor(context: EncodingContext, scheduler: Pick<Scheduler, 'submitAll' | 'isIdle'>, options: SampledVerificationOptions) {
    this.#context = context
    this.#scheduler = scheduler
    this.#options = options
    this.#random = options.random ?? Math.random
  }

  /** Draws whether this sequence is verified. Never waits and never throws. */
  consider(encoded: VerifiedSequence['encoded'], scored: VerifiedSequence['scored']): void {
    if (this.#isBusy || this.#random() >= this.#options.share) return
    // The batch of this very sequence may not have ended for the scheduler yet.
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
      // The engine was replaced meanwhile, or the service stops: nothing was shown.
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
