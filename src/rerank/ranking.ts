import type { ScoredDocument } from './scored-document.ts'

/** Which of two equal documents comes first. */
export type TieRule = 'lower_index' | 'higher_index'

/**
 * The best first, by the normalised log-probability: scores can be equal where exp underflows. Documents with the same
 * number stand in the order of `ties`, so that an answer does not depend on a sort.
 */
export function ranked(documents: readonly ScoredDocument[], ties: TieRule): ScoredDocument[] {
  const sign = ties === 'lower_index' ? 1 : -1
  return documents.toSorted((a, b) => b.normalizedLogProb - a.normalizedLogProb || sign * (a.index - b.index))
}
