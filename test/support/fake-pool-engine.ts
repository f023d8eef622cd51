import { BatchQueue, type PendingBatch, unavailable } from '../../src/engine/batch-queue.ts'
import type { Batch, BatchScores, EngineState } from '../../src/engine/engine.ts'
import type { EngineInfo } from '../../src/engine/engine-info.ts'
import type { PoolEngine } from '../../src/engine/engine-pool.ts'
import type { EngineSpec, KnownAnswer } from '../../src/engine/protocol.ts'
import { ServiceError } from '../../src/errors.ts'
import { fakeScores } from './fake-engine.ts'

export const ANSWERS: EngineInfo['selfTest']['answers'] = [{ ids: [1, 2, 3], logProbs: [-1, -2] }]

/** An engine of a pool that loads, answers and crashes when the test says so, with its batches in a real queue. */
export class FakePoolEngine implements PoolEngine {
  state: EngineState = 'starting'
  info: EngineInfo | null = null
  failure: ServiceError | null = null
  restarts = 0
  expectedFiles: EngineSpec['expectedFiles'] | null = null
  readonly replacedFor: string[] = []
  readonly known: readonly KnownAnswer[]
  readonly #queue = new BatchQueue()
  readonly #onChange: () => void
  #running: PendingBatch | undefined
  #resolve: (info: EngineInfo) => void = () => {}
  #reject: (error: ServiceError) => void = () => {}
  readonly #started = new Promise<EngineInfo>((resolve, reject) => {
    this.#resolve = resolve
    this.#reject = reject
  })

  constructor(known: readonly KnownAnswer[], onChange: () => void) {
    this.known = known
    this.#onChange = onChange
    this.#started.catch(() => {})
  }

  get pendingTokens(): number {
    return this.#queue.tokens
  }

  /** The running batch. */
  get running(): Batch | undefined {
    return this.#running?.batch
  }

  started(): Promise<EngineInfo> {
    return this.#started
  }

  becomeReady(): void {
    this.info = { selfTest: { answers: ANSWERS } } as unknown as EngineInfo
    this.state = 'ready'
    this.#resolve(this.info)
    this.#onChange()
    this.#next()
  }

  /** Its process crashes; `becomeReady` stands for its successor. */
  die(): void {
    this.state = 'restarting'
    this.restarts++
    this.#running = undefined
    this.#queue.requeue()
    this.#onChange()
  }

  fail(): void {
    this.state = 'failed'
    this.failure = new ServiceError('model_invalid', 'the model cannot be loaded')
    this.#running = undefined
    this.#queue.requeue()
    this.#reject(this.failure)
    this.#onChange()
    this.#queue.rejectAll(unavailable(this.failure))
  }

  /** Answers the running batch. */
  answer(): void {
    const running = this.#running
    this.#running = undefined
    if (running === undefined) throw new Error('no batch is running')
    this.#queue.finish(running.batchId)?.resolve({ rows: running.batch.sequences.map(fakeScores), probes: [], runMs: 1 })
    this.#next()
  }

  score(batch: Batch): Promise<BatchScores> {
    const scores = this.#queue.add(batch)
    this.#next()
    return scores
  }

  adopt(pending: PendingBatch): void {
    this.#queue.adopt(pending)
    this.#next()
  }

  handOver(): PendingBatch[] {
    return this.#queue.takeWaiting()
  }

  expectFiles(expectedFiles: EngineSpec['expectedFiles']): void {
    this.expectedFiles = expectedFiles
  }

  replace(reason: string): void {
    this.replacedFor.push(reason)
  }

  async close(): Promise<void> {
    this.state = 'stopped'
    this.#queue.rejectAll(unavailable(null))
  }

  #next(): void {
    if (this.state === 'ready') this.#running ??= this.#queue.take()
  }
}
