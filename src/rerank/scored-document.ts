import type { Warning } from '../encoding/encoded-item.ts'
import type { ScoredItem } from '../evaluation/scored-item.ts'
import type { Lengths } from '../scoring/normalized.ts'
import { type Normalization, normalizedLogProb, relevanceScore } from './normalization.ts'

/** One document with its numbers; all log-probabilities in nats. */
export interface ScoredDocument {
  /** Position in the request. */
  readonly index: number
  readonly text: string
  /** log Pr(y | x) */
  readonly logProb: number
  /** Of the same tokens of y without x or after the domain prompt; null where the normalisation has no baseline. */
  readonly baselineLogProb: number | null
  readonly normalizedLogProb: number
  /** In (0, 1]. */
  readonly relevanceScore: number
  readonly counts: { readonly x: Lengths; readonly y: Lengths }
  readonly warnings: readonly Warning[]
}

/** A document from the result of its (x, y) and that of its baseline. */
export function scoredDocument(
  text: string,
  index: number,
  normalization: Normalization,
  { own, baseline }: { readonly own: ScoredItem; readonly baseline: ScoredItem | null }
): ScoredDocument {
  const terms = { logProb: conditionalOf(own), y: own.encoded.lengths.y, baselineLogProb: baseline === null ? null : conditionalOf(baseline) }
  const value = normalizedLogProb(normalization, terms)
  return {
    index,
    text,
    logProb: terms.logProb,
    baselineLogProb: terms.baselineLogProb,
    normalizedLogProb: value,
    relevanceScore: relevanceScore(normalization, value),
    counts: own.encoded.lengths,
    warnings: [...warningsOf(own), ...(baseline === null ? [] : warningsOf(baseline).map(ofBaseline))]
  }
}

/** Say that joint and marginal lack the first token, which are not reported here. */
const OF_OTHER_TERMS: ReadonlySet<string> = new Set(['conditional_on_first_token', 'first_token'])

function conditionalOf({ sums: { conditional } }: ScoredItem): number {
  if (conditional === null) throw new Error('a result has no conditional log-probability')
  return conditional
}

/** What `/v1/logprob` would say of the pair: its warnings, and the checks that did not pass. */
function warningsOf({ warnings, checks }: ScoredItem): Warning[] {
  const own = warnings.filter(({ code }) => !OF_OTHER_TERMS.has(code))
  const found = checks.items.filter(({ id, status }) => (status === 'warn' || status === 'fail') && !OF_OTHER_TERMS.has(id))
  return [...own, ...found.map(({ id, message }) => ({ code: id, message }))]
}

function ofBaseline({ code, message }: Warning): Warning {
  return { code, message: `the baseline: ${message}` }
}

/** What a result says beside its score in either dialect; log-probabilities in nats. */
export interface DocumentNumbers {
  readonly log_prob: number
  readonly normalized_log_prob: number
  readonly baseline_log_prob?: number
  readonly counts: { readonly x: Lengths; readonly y: Lengths }
  readonly warnings: readonly Warning[]
}

export function documentNumbers({ logProb, normalizedLogProb, baselineLogProb, counts, warnings }: ScoredDocument): DocumentNumbers {
  return {
    log_prob: logProb,
    normalized_log_prob: normalizedLogProb,
    ...(baselineLogProb === null ? {} : { baseline_log_prob: baselineLogProb }),
    counts,
    warnings
  }
}

/** Which of two equal documents comes first. */
type TieRule = 'lower_index' | 'higher_index'

/**
 * The best first, by the normalised log-probability: scores can be equal where exp underflows. Documents with the same
 * number stand in the order of `ties`, so that an answer does not depend on a sort.
 */
export function ranked(documents: readonly ScoredDocument[], ties: TieRule): ScoredDocument[] {
  const sign = ties === 'lower_index' ? 1 : -1
  return documents.toSorted((a, b) => b.normalizedLogProb - a.normalizedLogProb || sign * (a.index - b.index))
}
