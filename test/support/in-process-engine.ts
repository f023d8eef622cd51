import type { Batch, BatchScores, Engine, EngineState } from '../../src/engine/engine.ts'
import type { EngineInfo } from '../../src/engine/engine-info.ts'
import type { Scorer } from '../../src/engine/process/self-test/passes.ts'

/** An engine that scores in the process of the test. */
export class InProcessEngine implements Engine {
  readonly state: EngineState = 'ready'
  readonly info: EngineInfo | null = null
  readonly #scorer: Scorer

  constructor(scorer: Scorer) {
    this.#scorer = scorer
  }

  score(batch: Batch): Promise<BatchScores> {
    return this.#scorer.score(batch)
  }

  async close(): Promise<void> {}
}
