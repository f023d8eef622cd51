import { ServiceError } from '../errors.ts'
import { type Batch, type BatchScores, fedTokensOf } from './engine.ts'
import { PoisonList } from './poison-list.ts'

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
  readonly #poison: PoisonList
  #lastBatchId = 0

  constructor(poison = new PoisonList()) {
    this.#poison = poison
  }

  /** Rejects with `poison_request` without running a batch that crashed the engine lately. */
  add(batch: Batch): Promise<BatchScores> {
    const refusal = this.#poison.refusalOf(batch)
    if (refusal !== null) return Promise.reject(refusal)
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

  get isRunning(): boolean {
    return this.#running !== undefined
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
    this.#poison.scored(pending.batch)
    return pending
  }

  /**
   * Puts the running batch first in line after its process ended, or rejects it after its last attempt, with
   * `poison_request` if it is a single sequence and `engine_crashed` otherwise. An end that the batch cannot have
   * caused (`isBlameless`) does not count as an attempt.
   */
  requeue(isBlameless = false): void {
    const pending = this.#running
    this.#running = undefined
    if (pending === undefined) return
    if (isBlameless) pending.attempts--
    if (pending.attempts < this.#poison.maxAttempts(pending.batch)) this.#waiting.unshift(pending)
    else pending.reject(this.#poison.crashed(pending.batch))
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
