import { rowChecksums } from '../../src/engine/checksum.ts'
import type { Batch, BatchScores, Engine, EngineState, RowScores, ScoringSequence } from '../../src/engine/engine.ts'
import type { EngineInfo } from '../../src/engine/engine-info.ts'

/** What the fake says of a sequence: numbers that follow from its ids alone, so that rows of another sequence show. */
export function fakeScores(sequence: ScoringSequence): RowScores {
  const { ids, firstScored, lastTokenCandidates = [] } = sequence
  const targets = Int32Array.from([...ids.slice(firstScored), ...lastTokenCandidates])
  return {
    // Alternatives are asked of the row of the last id.
    logProbs: Float32Array.from(targets, (id, row) => -(id + 1) / 2 ** (Math.min(row, ids.length - firstScored - 1) % 4)),
    logSumExps: new Float32Array(targets.length),
    bestIds: targets,
    bestLogProbs: new Float32Array(targets.length),
    detail: null,
    checksums: rowChecksums(sequence)
  }
}

/**
 * An engine that answers from the ids, either at once or, when it is `held`, as the test lets it. It fails a batch that
 * holds a sequence for which `failureFor` has an error.
 */
export class FakeEngine implements Engine {
  readonly state: EngineState = 'ready'
  readonly info: EngineInfo | null = null
  /** Every batch it was given. */
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

  /** Resolves when so many batches have come in. */
  received(count: number): Promise<void> {
    if (this.batches.length >= count) return Promise.resolve()
    return new Promise((resolve) => this.#watchers.push({ count, resolve }))
  }

  /** Lets the batch that it holds be answered. */
  release(): void {
    const next = this.#held.shift()
    if (next === undefined) throw new Error('no batch is held')
    next()
  }

  async close(): Promise<void> {}
}
