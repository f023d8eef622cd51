import { ServiceError } from '../errors.ts'
import { type Batch, type BatchScores, fedTokensOf } from './engine.ts'

/** Runs of one batch: the first and, after a crash, one more. */
const MAX_ATTEMPTS = 2

export interface PendingBatch {
  readonly batchId: number
  readonly batch: Batch
  readonly resolve: (scores: BatchScores) => void
  readonly reject: (error: ServiceError) => void
  attempts: number
}

/**
 * The batch that the engine process has in hand and those that wait for it. They are kept here, outside the process,
 * because they have to survive it.
 */
export class BatchQueue {
  #inHand: PendingBatch | undefined
  readonly #waiting: PendingBatch[] = []
  #lastBatchId = 0

  add(batch: Batch): Promise<BatchScores> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ batchId: ++this.#lastBatchId, batch, attempts: 0, resolve, reject })
    })
  }

  /** One that another line gave away; its tries stay counted. */
  adopt(pending: PendingBatch): void {
    this.#waiting.push({ ...pending, batchId: ++this.#lastBatchId })
  }

  /** All that wait, which this line then no longer knows. */
  takeWaiting(): PendingBatch[] {
    return this.#waiting.splice(0)
  }

  /** Fed tokens of the batch in hand and of those that wait. */
  get tokens(): number {
    return [...(this.#inHand ? [this.#inHand] : []), ...this.#waiting].reduce((sum, { batch }) => sum + fedTokensOf(batch), 0)
  }

  /** The next batch to hand over; undefined while one is in hand or when none waits. */
  take(): PendingBatch | undefined {
    if (this.#inHand !== undefined) return undefined
    this.#inHand = this.#waiting.shift()
    if (this.#inHand !== undefined) this.#inHand.attempts++
    return this.#inHand
  }

  /** The batch in hand, answered; undefined when it is not `batchId` (an answer that came too late). */
  finish(batchId: number): PendingBatch | undefined {
    const pending = this.#inHand
    if (pending?.batchId !== batchId) return undefined
    this.#inHand = undefined
    return pending
  }

  /**
   * The process died: its batch goes first on the next one, or fails with `engine_crashed` when it was tried before. An
   * end that had nothing to do with the batch (`isBlameless`) does not count as a try.
   */
  putBack(isBlameless = false): void {
    const pending = this.#inHand
    this.#inHand = undefined
    if (pending === undefined) return
    if (isBlameless) pending.attempts--
    if (pending.attempts < MAX_ATTEMPTS) this.#waiting.unshift(pending)
    else
      pending.reject(
        new ServiceError('engine_crashed', `the engine process ended ${MAX_ATTEMPTS} times while it computed this batch; the request was not tried again`)
      )
  }

  rejectAll(error: ServiceError): void {
    const pending = [...(this.#inHand ? [this.#inHand] : []), ...this.#waiting.splice(0)]
    this.#inHand = undefined
    for (const { reject } of pending) reject(error)
  }
}

/** Why no engine takes work: `failure` when it cannot be started, null when the service stops. */
export function unavailable(failure: ServiceError | null): ServiceError {
  return new ServiceError('engine_unavailable', failure?.message ?? 'the service is stopping')
}
