import { rowChecksums } from '../../../src/engine/checksum.ts'
import type { Batch, RowScores, ScoringSequence } from '../../../src/engine/engine.ts'
import type { Scorer } from '../../../src/engine/process/self-test/passes.ts'
import type { Fault } from '../fault.ts'

/**
 * Changes the sequence that is scored in place of one of a shared batch. The scores are returned as those of the
 * original.
 */
function scoredAs(instead: (sequence: ScoringSequence, batch: Batch, index: number) => ScoringSequence): Pick<Fault, 'scorer' | 'shares'> {
  const scorer = (model: Scorer): Scorer => ({
    async score(batch) {
      if (batch.layout !== 'shared') return model.score(batch)
      const rows: RowScores[] = []
      for (const [index, sequence] of batch.sequences.entries()) {
        const scored = await model.score({ sequences: [instead(sequence, batch, index)], topCount: null })
        rows.push({ ...scored.rows[0]!, checksums: rowChecksums(sequence), work: { computedTokens: 1, cachedTokens: 1 } })
      }
      return { rows, probes: [], runMs: 0 }
    }
  })
  return { shares: true, scorer }
}

/** Faults in packed rows and in the prefix cache. */
export const SHARING_FAULTS: readonly Fault[] = [
  {
    name: 'packed sequences attend to each other',
    kind: 'sharing',
    description: 'a sequence attends to the one before it in a packed row, as if no attention bias hid it',
    ...scoredAs((sequence, { sequences }, index) => {
      const before = sequences[index - 1]?.ids.slice(0, -1) ?? new Int32Array(0)
      return { ids: Int32Array.from([...before, ...sequence.ids]), firstScored: before.length + sequence.firstScored }
    })
  },
  {
    name: 'cached prefix of another text',
    kind: 'sharing',
    description: 'a sequence continues from the keys and values of a prefix with a different token in it',
    ...scoredAs((sequence, { sequences }) => {
      if (sequences.length > 2) return sequence
      const ids = sequence.ids.slice()
      ids[2] = ids[3] ?? 0
      return { ...sequence, ids }
    })
  }
]
