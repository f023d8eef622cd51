import type { Batch, BatchScores, Engine, EngineState } from '../../src/engine/engine.ts'
import type { EngineInfo } from '../../src/engine/engine-info.ts'
import { fakeScores } from './fake-engine.ts'

/** An engine with a simulated clock, which every batch advances by its number of fed tokens. */
export class SimulatedEngine implements Engine {
  readonly state: EngineState = 'ready'
  readonly info: EngineInfo | null = null
  /** Every batch it received. */
  readonly batches: Batch[] = []
  nowMs = 0
  /** Called when a batch is finished, before its scores are returned. */
  onBatch: () => void = () => {}
  readonly #msPerToken: number

  constructor(msPerToken: number) {
    this.#msPerToken = msPerToken
  }

  async score(batch: Batch): Promise<BatchScores> {
    this.batches.push(batch)
    const runMs = this.#msPerToken * batch.sequences.reduce((sum, { ids }) => sum + ids.length - 1, 0)
    // Lets other callers submit in the meantime.
    await new Promise((resolve) => setImmediate(resolve))
    this.nowMs += runMs
    this.onBatch()
    return { rows: batch.sequences.map(fakeScores), probes: [], runMs }
  }

  async close(): Promise<void> {}
}
