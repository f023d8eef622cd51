import { BatchQueue, type PendingBatch, unavailable } from '../../src/engine/batch-queue.ts'
import type { Batch, BatchScores, EngineState } from '../../src/engine/engine.ts'
import type { EngineInfo } from '../../src/engine/engine-info.ts'
import type { PoolEngine } from '../../src/engine/engine-pool.ts'
import type { EngineSpec, KnownAnswer } from '../../src/engine/protocol.ts'
import { ServiceError } from '../../src/errors.ts'
import { fakeScores } from './fake-engine.ts'

export const ANSWERS: EngineInfo['selfTest']['answers'] = [{ ids: [1, 2, 3], logProbs: [-1, -2] }]

/** An engine of a pool that loads, answers and ends when the test says so, with a real batch queue. */
export class FakePoolEngine implements PoolEngine {
  state: EngineState = 'starting'
  info: EngineInfo | null = null
  failure: ServiceError | null = null
  restarts = 0
  expectedFiles: EngineSpec['expectedFiles'] | null = null
  readonly replacedFor: string[] = []
  readonly known: readonly KnownAnswer[]
  readonly #line = new BatchQueue()
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

  get tokensInHand(): number {
    return this.#line.tokens
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

  /** Its process ends. `becomeReady` makes the next process ready. */
  die(): void {
    this.state = 'restarting'
    this.restarts++
    this.#running = undefined
    this.#line.putBack()
    this.#onChange()
  }

  fail(): void {
    this.state = 'failed'
    this.failure = new ServiceError('model_invalid', 'the model cannot be loaded')
    this.#running = undefined
    this.#line.putBack()
    this.#reject(this.failure)
    this.#onChange()
    this.#line.rejectAll(unavailable(this.failure))
  }

  /** Answers the running batch. */
  answer(): void {
    const running = this.#running
    this.#running = undefined
    if (running === undefined) throw new Error('no batch is running')
    this.#line.finish(running.batchId)?.resolve({ rows: running.batch.sequences.map(fakeScores), probes: [], runMs: 1 })
    this.#next()
  }

  score(batch: Batch): Promise<BatchScores> {
    const scores = this.#line.add(batch)
    this.#next()
    return scores
  }

  adopt(pending: PendingBatch): void {
    this.#line.adopt(pending)
    this.#next()
  }

  handOver(): PendingBatch[] {
    return this.#line.takeWaiting()
  }

  expectFiles(expectedFiles: EngineSpec['expectedFiles']): void {
    this.expectedFiles = expectedFiles
  }

  replace(reason: string): void {
    this.replacedFor.push(reason)
  }

  async close(): Promise<void> {
    this.state = 'stopped'
    this.#line.rejectAll(unavailable(null))
  }

  #next(): void {
    if (this.state === 'ready') this.#running ??= this.#line.take()
  }
}
