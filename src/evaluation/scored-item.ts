import type { EncodedItem, Warning } from '../encoding/encoded-item.ts'
import type { RowScores } from '../engine/engine.ts'
import { ServiceError } from '../errors.ts'
import { finiteCheck } from '../scoring/checks/number-checks.ts'
import type { SequenceIntegrity } from '../scoring/checks/request-checks.ts'
import { type LogProbSums, logProbSums, type ScoredSequence } from '../scoring/scored-sequence.ts'
import { assertSequenceIntegrity, sequenceIntegrityOf } from './sequence-integrity.ts'

/** The numbers of one sequence, before checks that need more than them. */
export interface Scored {
  readonly sequence: ScoredSequence
  /** Terms as they are reported: without x where some of it was left out. */
  readonly sums: LogProbSums
  readonly rows: RowScores | null
}

/**
 * Reads the numbers of one sequence. `rows` covers tokens scoredStart to scoredEnd; null when that is empty. Throws
 * `scores_mismatched` or `non_finite_logits`: such numbers must never reach a sum.
 */
export function scoredOf(encoded: EncodedItem, rows: RowScores | null): Scored {
  const receipt = itemIntegrity(encoded, rows)
  if (receipt !== null) assertSequenceIntegrity(receipt)
  const sequence = scoredSequence(encoded, rows)
  const sums = logProbSums(sequence)
  return { sequence, sums: encoded.inputInfo.droppedTokens > 0 ? withoutX(sums) : sums, rows }
}

/** Goes with all numbers of such a model. */
export const APPROXIMATE: Warning = {
  code: 'approximate_model',
  message: 'this model quantizes activations over whole tensors, so the score of a token depends a little on later ones; it was scored alone'
}

export function itemIntegrity({ ids, scoredStart, scoredEnd }: EncodedItem, rows: RowScores | null): SequenceIntegrity | null {
  return rows === null ? null : sequenceIntegrityOf(ids.subarray(0, scoredEnd), scoredStart, rows)
}

function withoutX(sums: LogProbSums): LogProbSums {
  return { ...sums, joint: null, marginal: null }
}

/**
 * The numbers of a sequence by position; `rows` covers tokens scoredStart to scoredEnd, null when that is empty. Throws
 * `non_finite_logits`: such a number must never reach a sum.
 */
export function scoredSequence(
  { ids, sizes, scoredStart, scoredEnd }: Pick<EncodedItem, 'ids' | 'sizes' | 'scoredStart' | 'scoredEnd'>,
  rows: RowScores | null
): ScoredSequence {
  const at = <T>(pick: (row: number, scores: RowScores) => T): (T | null)[] =>
    Array.from(ids, (_, position) => (rows !== null && position >= scoredStart && position < scoredEnd ? pick(position - scoredStart, rows) : null))
  const sequence: ScoredSequence = {
    ids,
    sizes,
    logProbs: at((row, scores) => scores.logProbs[row]!),
    best: at((row, scores) => ({ id: scores.bestIds[row]!, logProb: scores.bestLogProbs[row]! })),
    ranks: at((row, scores) => scores.detail?.ranks[row] ?? null)
  }
  const finite = finiteCheck(sequence)
  if (finite.status === 'fail') throw new ServiceError('non_finite_logits', finite.message)
  return sequence
}
