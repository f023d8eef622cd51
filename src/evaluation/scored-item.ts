import { elementAt } from '../element-at.ts'
import type { EncodedItem, Warning } from '../encoding/encoded-item.ts'
import { type LogprobItem, type LogprobOptions, optionsOf } from '../encoding/logprob-item.ts'
import type { RowScores } from '../engine/engine.ts'
import { ServiceError } from '../errors.ts'
import { type Check, type Checks, verdictOf } from '../scoring/checks/check.ts'
import { finiteCheck } from '../scoring/checks/number-checks.ts'
import type { CheckSubject, SequenceIntegrity } from '../scoring/checks/request-checks.ts'
import { type LogProbSums, logProbSums, rangeOf, type ScoredSequence } from '../scoring/scored-sequence.ts'
import { needsMoments, type TokenMoments } from '../statistics/statistics.ts'
import type { EvaluationContext } from './evaluation-context.ts'
import { assertSequenceIntegrity, sequenceIntegrityOf } from './sequence-integrity.ts'
import { type TokenArrays, tokenArrays } from './token-arrays.ts'
import { type TokenDetail, tokenDetails } from './token-details.ts'
import { type WordDetail, wordDetails, wordWarnings } from './word-details.ts'

/** An item with its checked scores, from which each endpoint builds its result. */
export interface ScoredItem {
  readonly item: LogprobItem
  readonly encoded: EncodedItem
  readonly sequence: ScoredSequence
  readonly sums: LogProbSums
  readonly checks: Checks
  readonly causal: EvaluationContext['causal']
  /**
   * One entry per token of the sequence under `detail: "tokens"`, each built when it is read; null otherwise.
   */
  readonly tokens: Iterable<TokenDetail> | null
  /** The words of x and y under `detail: "words"`, as far as they are scored; null otherwise. */
  readonly words: Iterable<WordDetail> | null
  /** The tokens of y for `statisticsOf`; null unless statistics are requested and y is scored. */
  readonly moments: TokenMoments | null
  /** The tokens as arrays under `format: "arrays"`; null otherwise. */
  readonly arrays: TokenArrays | null
  readonly warnings: readonly Warning[]
}

/** The scores of one sequence, before the checks run. */
export interface SequenceScores {
  readonly sequence: ScoredSequence
  /** The sums to report: joint and marginal are null when truncation dropped tokens of x. */
  readonly sums: LogProbSums
  /** Null when no token of the sequence is scored. */
  readonly rows: RowScores | null
  /** The comparison of what was sent with what was scored; null without rows. */
  readonly integrity: SequenceIntegrity | null
}

export type CheckFunction = (subject: CheckSubject) => Check

interface ItemParts {
  readonly item: LogprobItem
  readonly encoded: EncodedItem
  readonly scored: SequenceScores
  readonly options: LogprobOptions
  readonly context: Pick<EvaluationContext, 'tokenizer' | 'causal'>
  readonly checks: readonly CheckFunction[]
}

/** Runs the checks on one item. `moreChecks` needed other passes or other items. */
export function scoredItemOf({ item, encoded, scored, options, context, checks }: ItemParts, moreChecks: readonly Check[]): ScoredItem {
  const { sequence, sums, rows, integrity } = scored
  const { causal, tokenizer } = context
  const subject = { sequence, sums, inputInfo: encoded.inputInfo, integrity }
  return {
    item,
    encoded,
    sequence,
    sums,
    checks: verdictOf([...checks.map((run) => run(subject)), ...moreChecks]),
    causal,
    tokens: options.format === 'objects' && options.detail === 'tokens' ? tokenDetails(sequence, encoded, rows, options.topLogprobs, tokenizer) : null,
    words: options.detail === 'words' ? wordDetails({ item, encoded, sequence, rows, tokenizer }) : null,
    arrays: options.format === 'arrays' ? tokenArrays({ item, sequence, encoded, rows, options: optionsOf(item, options), tokenizer }) : null,
    moments: options.statistics === null ? null : momentsOf(encoded, rows, needsMoments(options.statistics)),
    warnings: [...encoded.warnings, ...(causal === 'approximate' ? [APPROXIMATE] : []), ...(options.detail === 'words' ? wordWarnings({ encoded }) : [])]
  }
}

/** The rows of y, without the end token; null when y is not scored. */
function momentsOf({ sizes, scoredStart, scoredEnd }: EncodedItem, rows: RowScores | null, wantsMoments: boolean): TokenMoments | null {
  const { start, end } = rangeOf(sizes, 'y')
  if (rows === null || start < scoredStart || end > scoredEnd) return null
  const ofY = (values: Float32Array): Float32Array => values.subarray(start - scoredStart, end - scoredStart)
  const { entropies, variances } = rows.detail ?? {}
  const has = wantsMoments && entropies !== undefined && variances !== undefined
  return { logProbs: ofY(rows.logProbs), entropies: has ? ofY(entropies) : null, variances: has ? ofY(variances) : null }
}

/** Accompanies every score of a model with `causal: "approximate"`. */
export const APPROXIMATE: Warning = {
  code: 'approximate_model',
  message: 'this model quantizes activations over whole tensors, so the score of a token depends slightly on later tokens; it was scored alone'
}

/**
 * Sums the scores of one sequence. `rows` covers the positions from `scoredStart` to `scoredEnd`; null when that range
 * is empty. Throws `scores_mismatched` or `non_finite_logits`: such scores must never reach a sum.
 */
export function sequenceScoresOf(encoded: EncodedItem, rows: RowScores | null): SequenceScores {
  const { ids, scoredStart, scoredEnd, inputInfo } = encoded
  const integrity = rows === null ? null : sequenceIntegrityOf({ ids: ids.subarray(0, scoredEnd), firstScored: scoredStart }, rows)
  if (integrity !== null) assertSequenceIntegrity(integrity)
  const sequence = scoredSequence(encoded, rows)
  const sums = logProbSums(sequence)
  return { sequence, sums: inputInfo.droppedTokens > 0 ? { ...sums, joint: null, marginal: null } : sums, rows, integrity }
}

/** The scores of a sequence by position. Throws `non_finite_logits`. */
export function scoredSequence(
  { ids, sizes, scoredStart, scoredEnd }: Pick<EncodedItem, 'ids' | 'sizes' | 'scoredStart' | 'scoredEnd'>,
  rows: RowScores | null
): ScoredSequence {
  const at = <T>(pick: (row: number, scores: RowScores) => T): (T | null)[] =>
    Array.from(ids, (_, position) => (rows !== null && position >= scoredStart && position < scoredEnd ? pick(position - scoredStart, rows) : null))
  const sequence: ScoredSequence = {
    ids,
    sizes,
    logProbs: at((row, scores) => elementAt(scores.logProbs, row)),
    best: at((row, scores) => ({ id: elementAt(scores.bestIds, row), logProb: elementAt(scores.bestLogProbs, row) })),
    ranks: at((row, scores) => (scores.detail === null ? null : elementAt(scores.detail.ranks, row)))
  }
  const finite = finiteCheck(sequence)
  if (finite.status === 'fail') throw new ServiceError('non_finite_logits', finite.message)
  return sequence
}
