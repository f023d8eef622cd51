import type { PartSizes, ScoredSequence } from '../../src/scoring/scored-sequence.ts'

/**
 * A sequence in which every token id is its position, with the given log-probabilities. The most probable token of a
 * row is the target, unless `best` says otherwise.
 */
export function sequenceOf(sizes: Partial<PartSizes>, logProbs: readonly (number | null)[], parts: Partial<ScoredSequence> = {}): ScoredSequence {
  return {
    ids: Int32Array.from(logProbs, (_, position) => position),
    sizes: { prefix: 0, x: 0, y: 0, eos: 0, ...sizes },
    logProbs,
    best: logProbs.map((logProb, id) => (logProb === null ? null : { id, logProb })),
    ranks: logProbs.map(() => null),
    ...parts
  }
}
