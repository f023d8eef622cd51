import type { Boundary, EncodedItem, Warning } from '../encoding/encoded-item.ts'
import type { LogprobItem, LogprobOptions, Term } from '../encoding/item-input.ts'
import type { ServiceError } from '../errors.ts'
import { APPROXIMATE, itemIntegrity, type Scored } from '../evaluation/scored-item.ts'
import { type TokenDetail, tokenDetails } from '../evaluation/token-details.ts'
import { type Check, type Checks, verdictOf } from '../scoring/checks/check.ts'
import type { CheckSubject } from '../scoring/checks/request-checks.ts'
import { type Lengths, type Normalized, normalized } from '../scoring/normalized.ts'
import { rangeOf, type ScoredSequence } from '../scoring/scored-sequence.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'

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

/** One result; `moreChecks` are those that took other passes or other results. */
export function resultOf(
  item: LogprobItem,
  encoded: EncodedItem,
  { sequence, sums, rows }: Scored,
  options: LogprobOptions,
  settings: ResultSettings,
  moreChecks: readonly Check[]
): LogprobResult {
  const subject = { sequence, sums, inputInfo: encoded.inputInfo, integrity: itemIntegrity(encoded, rows) }
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
