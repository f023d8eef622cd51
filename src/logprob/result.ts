import type { RowScores } from '../engine/engine.ts'
import { ServiceError } from '../errors.ts'
import { type Check, type Checks, verdictOf } from '../scoring/checks/check.ts'
import { finiteCheck } from '../scoring/checks/number-checks.ts'
import type { Receipt } from '../scoring/checks/receipt.ts'
import type { CheckSubject } from '../scoring/checks/request-checks.ts'
import { type LogProbSums, logProbSums } from '../scoring/log-prob-sums.ts'
import { type Lengths, type Normalized, normalized } from '../scoring/normalized.ts'
import { rangeOf, type ScoredSequence } from '../scoring/scored-sequence.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import type { Boundary, EncodedItem, Warning } from './encoded-item.ts'
import type { LogprobItem, LogprobOptions, Term } from './options.ts'
import { assertReceived, receiptOf } from './receipt.ts'
import { type TokenDetail, tokenDetails } from './token-details.ts'

/** One result as the wire has it; the fields of the contract. */
export interface LogprobResult {
  readonly index: number
  readonly id: string | null
  readonly candidate: number
  readonly log_prob: { readonly [term in Term]?: number | null }
  readonly log_prob_eos?: number
  readonly counts: { readonly x: Lengths; readonly y: Lengths }
  readonly normalized?: Normalized | null
  readonly is_greedy?: boolean
  readonly conditional_on_first_token?: true
  /** The model quantizes activations over whole tensors: the numbers are near those of an exact pass, not equal. */
  readonly causal?: 'approximate'
  readonly boundary: Boundary
  readonly checks: Checks
  readonly tokens?: readonly TokenDetail[]
  readonly warnings: readonly Warning[]
}

export interface LogprobFailure {
  readonly index: number
  readonly id: string | null
  readonly candidate: number
  readonly error: { readonly code: string; readonly message: string; readonly param?: string }
}

/** How results are put together for one model. */
export interface ResultSettings {
  readonly tokenizer: Tokenizer
  readonly causal: 'exact' | 'approximate'
  readonly checks: readonly ((subject: CheckSubject) => Check)[]
}

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
  const receipt = receiptFor(encoded, rows)
  if (receipt !== null) assertReceived(receipt)
  const sequence = scoredSequence(encoded, rows)
  const sums = logProbSums(sequence)
  return { sequence, sums: encoded.facts.droppedTokens > 0 ? withoutX(sums) : sums, rows }
}

/** One result; `moreChecks` are those that took other passes or other results. */
export function resultOf(
  item: LogprobItem,
  encoded: EncodedItem,
  { sequence, sums, rows }: Scored,
  options: LogprobOptions,
  settings: ResultSettings,
  moreChecks: readonly Check[]
): LogprobResult {
  const subject = { sequence, sums, facts: encoded.facts, receipt: receiptFor(encoded, rows) }
  const hasY = encoded.scoredEnd === encoded.ids.length
  const { start, end } = rangeOf(encoded.sizes, 'y')
  const ownY = sums.conditional === null ? null : sums.conditional - (sums.eos ?? 0)

  return {
    index: item.index,
    id: item.id,
    candidate: item.candidate,
    log_prob: Object.fromEntries([...options.terms].map((term) => [term, sums[term]])),
    ...(hasY && sums.eos !== null ? { log_prob_eos: sums.eos } : {}),
    counts: encoded.lengths,
    ...(hasY && ownY !== null ? { normalized: normalized(ownY, encoded.lengths.y), is_greedy: isGreedy(sequence, start, encoded.ids.length) } : {}),
    ...(sums.isConditionalOnFirstToken ? { conditional_on_first_token: true as const } : {}),
    ...(settings.causal === 'approximate' ? { causal: 'approximate' as const } : {}),
    boundary: encoded.boundary,
    checks: verdictOf([...settings.checks.map((run) => run(subject)), ...moreChecks]),
    ...(options.detail === 'tokens' ? { tokens: tokenDetails(sequence, encoded, rows, options.topLogprobs, settings.tokenizer) } : {}),
    warnings: settings.causal === 'approximate' ? [...encoded.warnings, APPROXIMATE] : encoded.warnings
  }

  function isGreedy(scored: ScoredSequence, from: number, to: number): boolean {
    // EOS counts as part of the output when it is scored.
    const last = encoded.sizes.eos === 1 ? to : end
    for (let position = from; position < last; position++) if (scored.logProbs[position] !== scored.best[position]?.logProb) return false
    return true
  }
}

export function failureOf(item: LogprobItem, { code, message, param }: ServiceError): LogprobFailure {
  return { index: item.index, id: item.id, candidate: item.candidate, error: { code, message, ...(param === undefined ? {} : { param }) } }
}

/** Goes with all numbers of such a model. */
export const APPROXIMATE: Warning = {
  code: 'approximate_model',
  message: 'this model quantizes activations over whole tensors, so the score of a token depends a little on later ones; it was scored alone'
}

function receiptFor({ ids, scoredStart, scoredEnd }: EncodedItem, rows: RowScores | null): Receipt | null {
  return rows === null ? null : receiptOf(ids.subarray(0, scoredEnd), scoredStart, rows)
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
