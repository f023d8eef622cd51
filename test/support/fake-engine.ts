import { rowChecksums } from '../../src/engine/checksum.ts'
import type { Batch, BatchScores, Engine, EngineState, RowScores, ScoringSequence } from '../../src/engine/engine.ts'
import type { EngineInfo } from '../../src/engine/engine-info.ts'

/** The fake scores of a sequence. They depend on its ids alone, so that scores of another sequence are noticed. */
export function fakeScores(sequence: ScoringSequence): RowScores {
  const { ids, firstScored, lastTokenCandidates = [] } = sequence
  const targets = Int32Array.from([...ids.slice(firstScored), ...lastTokenCandidates])
  return {
    // Candidates belong to the row that predicts the last id.
    logProbs: Float32Array.from(targets, (id, row) => -(id + 1) / 2 ** (Math.min(row, ids.length - firstScored - 1) % 4)),
    logSumExps: new Float32Array(targets.length),
    bestIds: targets,
    bestLogProbs: new Float32Array(targets.length),
    detail: null,
    checksums: rowChecksums(sequence)
  }
}

/**
 * An engine that scores with `fakeScores`, at once or, when it is `held`, on `release`. It fails a batch with a
 * sequence for which `failureFor` returns an error.
 */
export class FakeEngine implements Engine {
  readonly state: EngineState = 'ready'
  readonly info: EngineInfo | null = null
  /** Every batch it received. */
  readonly batches: Batch[] = []
  failureFor: (sequence: ScoringSequence) => Error | null = () => null
  readonly #held: (() => void)[] = []
  readonly #isHeld: boolean
  readonly #watchers: { readonly count: number; readonly resolve: () => void }[] = []

  constructor({ held = false } = {}) {
    this.#isHeld = held
  }

  async score(batch: Batch): Promise<BatchScores> {
    this.batches.push(batch)
    for (const { count, resolve } of this.#watchers) if (count === this.batches.length) resolve()
    if (this.#isHeld) await new Promise<void>((resolve) => this.#held.push(resolve))
    for (const sequence of batch.sequences) {
      const failure = this.failureFor(sequence)
      if (failure !== null) throw failure
    }
    return { rows: batch.sequences.map(fakeScores), probes: [], runMs: 1 }
  }

  /** Resolves when it has received this number of batches. */
  received(count: number): Promise<void> {
    if (this.batches.length >= count) return Promise.resolve()
    return new Promise((resolve) => this.#watchers.push({ count, resolve }))
  }

  /** Answers the held batch. */
  release(): void {
    const next = this.#held.shift()
    if (next === undefined) throw new Error('no batch is held')
    next()
  }

  async close(): Promise<void> {}
}
