import type { Warning } from '../encoding/encoded-item.ts'
import type { ScoredItem } from '../evaluation/scored-item.ts'
import type { Lengths } from '../scoring/normalized.ts'
import { type Normalization, normalizedLogProb, relevanceScore } from './normalization.ts'

/** One document with its scores; all log-probabilities in nats. */
export interface ScoredDocument {
  /** Position in the request. */
  readonly index: number
  readonly text: string
  /** log Pr(y | x) */
  readonly logProb: number
  /**
   * Log-probability of the same y without x or after the domain prompt; null when the normalization has no baseline.
   */
  readonly baselineLogProb: number | null
  readonly normalizedLogProb: number
  /** In (0, 1]. */
  readonly relevanceScore: number
  /** What the labels of a template got; null under scoring log_prob. */
  readonly labels: LabelScores | null
  readonly counts: { readonly x: Lengths; readonly y: Lengths }
  readonly warnings: readonly Warning[]
}

/** The labels of a template after one document. */
export interface LabelScores {
  /** log Pr(label | prompt) in nats. */
  readonly yes: number
  readonly no: number
  /** Pr(yes) + Pr(no). */
  readonly mass: number
}

/** Combines the result of (x, y) with that of its baseline. */
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
    labels: null,
    counts: own.encoded.lengths,
    warnings: [...warningsOf(own), ...(baseline === null ? [] : warningsOf(baseline).map(ofBaseline))]
  }
}

/** Warnings and checks about joint and marginal, which reranking does not report. */
const OF_OTHER_TERMS: ReadonlySet<string> = new Set(['conditional_on_first_token', 'first_token'])

export function conditionalOf({ sums: { conditional } }: ScoredItem): number {
  if (conditional === null) throw new Error('the result of a document has no conditional log-probability')
  return conditional
}

/** The warnings of the (x, y), and its checks that did not pass, as warnings. */
export function warningsOf({ warnings, checks }: ScoredItem): Warning[] {
  const own = warnings.filter(({ code }) => !OF_OTHER_TERMS.has(code))
  const notPassed = checks.items.filter(({ id, status }) => (status === 'warn' || status === 'fail') && !OF_OTHER_TERMS.has(id))
  return [...own, ...notPassed.map(({ id, message }) => ({ code: id, message }))]
}

function ofBaseline({ code, message }: Warning): Warning {
  return { code, message: `the baseline: ${message}` }
}

/** The fields of a result that both dialects share; log-probabilities in nats. */
export interface DocumentFields {
  readonly log_prob: number
  readonly normalized_log_prob: number
  readonly baseline_log_prob?: number
  readonly labels?: LabelScores
  readonly counts: { readonly x: Lengths; readonly y: Lengths }
  readonly warnings: readonly Warning[]
}

export function documentFields({ logProb, normalizedLogProb, baselineLogProb, labels, counts, warnings }: ScoredDocument): DocumentFields {
  return {
    log_prob: logProb,
    normalized_log_prob: normalizedLogProb,
    ...(baselineLogProb === null ? {} : { baseline_log_prob: baselineLogProb }),
    ...(labels === null ? {} : { labels }),
    counts,
    warnings
  }
}

/** Which of two documents with equal scores comes first. */
type TieRule = 'lower_index' | 'higher_index'

/**
 * Sorts by normalized log-probability, the best first; relevance scores can be equal where exp underflows. `ties`
 * orders equal documents, so that the result does not depend on the sort algorithm.
 */
export function ranked(documents: readonly ScoredDocument[], ties: TieRule): ScoredDocument[] {
  const sign = ties === 'lower_index' ? 1 : -1
  return documents.toSorted((a, b) => b.normalizedLogProb - a.normalizedLogProb || sign * (a.index - b.index))
}
