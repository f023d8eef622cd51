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
 * The batch that an engine process runs and those that wait for it. The parent keeps them, so that they survive the
 * process: a crash requeues the running batch.
 */
export class BatchQueue {
  #running: PendingBatch | undefined
  readonly #waiting: PendingBatch[] = []
  #lastBatchId = 0

  add(batch: Batch): Promise<BatchScores> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ batchId: ++this.#lastBatchId, batch, attempts: 0, resolve, reject })
    })
  }

  /** Adds a batch that another queue gave away; its attempts stay counted. */
  adopt(pending: PendingBatch): void {
    this.#waiting.push({ ...pending, batchId: ++this.#lastBatchId })
  }

  /** Removes and returns all waiting batches. */
  takeWaiting(): PendingBatch[] {
    return this.#waiting.splice(0)
  }

  /** Fed tokens of the running batch and of those that wait. */
  get tokens(): number {
    return [...(this.#running ? [this.#running] : []), ...this.#waiting].reduce((sum, { batch }) => sum + fedTokensOf(batch), 0)
  }

  /** Starts the next batch; undefined while one runs or when none waits. */
  take(): PendingBatch | undefined {
    if (this.#running !== undefined) return undefined
    this.#running = this.#waiting.shift()
    if (this.#running !== undefined) this.#running.attempts++
    return this.#running
  }

  /** Ends the running batch; undefined when its id is not `batchId`, as for an answer that came too late. */
  finish(batchId: number): PendingBatch | undefined {
    const pending = this.#running
    if (pending?.batchId !== batchId) return undefined
    this.#running = undefined
    return pending
  }

  /**
   * Puts the running batch first in line after its process ended, or rejects it with `engine_crashed` after its last
   * attempt. An end that the batch cannot have caused (`isBlameless`) does not count as an attempt.
   */
  requeue(isBlameless = false): void {
    const pending = this.#running
    this.#running = undefined
    if (pending === undefined) return
    if (isBlameless) pending.attempts--
    if (pending.attempts < MAX_ATTEMPTS) this.#waiting.unshift(pending)
    else
      pending.reject(
        new ServiceError(
          'engine_crashed',
          `the engine process crashed ${MAX_ATTEMPTS} times while it scored the batch of this request; the batch is not retried again`
        )
      )
  }

  rejectAll(error: ServiceError): void {
    const pending = [...(this.#running ? [this.#running] : []), ...this.#waiting.splice(0)]
    this.#running = undefined
    for (const { reject } of pending) reject(error)
  }
}

/** The error for batches that no engine will score: `failure` when none can be started, null when the service stops. */
export function unavailable(failure: ServiceError | null): ServiceError {
  return new ServiceError('engine_unavailable', failure?.message ?? 'the service is stopping')
}
