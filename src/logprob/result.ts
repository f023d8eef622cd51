import type { Boundary, Warning } from '../encoding/encoded-item.ts'
import type { LogprobItem, LogprobOptions, Term } from '../encoding/logprob-item.ts'
import type { ServiceError } from '../errors.ts'
import type { ScoredItem } from '../evaluation/scored-item.ts'
import type { TokenDetail } from '../evaluation/token-details.ts'
import type { WordDetail } from '../evaluation/word-details.ts'
import { isSliceOver, nextSlice } from '../event-loop.ts'
import type { Checks } from '../scoring/checks/check.ts'
import { type Lengths, type Normalized, normalized } from '../scoring/normalized.ts'
import { rangeOf, type ScoredSequence } from '../scoring/scored-sequence.ts'
import { type Statistics, statisticsOf, undefinedStatistics } from '../statistics/statistics.ts'

/** One result of POST /v1/logprob. */
export interface LogprobResult {
  readonly object: 'logprob.result'
  readonly index: number
  readonly id: string | null
  readonly candidate: number
  readonly line?: number
  readonly log_prob: { readonly [term in Term]?: number | null }
  readonly log_prob_eos?: number
  readonly counts: { readonly x: Lengths; readonly y: Lengths }
  readonly normalized?: Normalized | null
  readonly is_greedy?: boolean
  readonly statistics?: Statistics
  readonly conditional_on_first_token?: true
  /** The model quantizes activations over whole tensors, so scores only approximate those of an exact pass. */
  readonly causal?: 'approximate'
  readonly boundary: Boundary
  readonly checks: Checks
  readonly tokens?: readonly TokenDetail[]
  readonly words?: readonly WordDetail[]
  readonly warnings: readonly Warning[]
}

export interface LogprobFailure {
  readonly object: 'logprob.failure'
  readonly index: number
  readonly id: string | null
  readonly candidate: number
  readonly line?: number
  readonly error: { readonly code: string; readonly message: string; readonly param?: string }
}

/** The result of an item, with the requested terms and the statistics of y, if there are any. */
export function resultOf(
  { item, encoded, sequence, sums, checks, causal, tokens, words, warnings }: ScoredItem,
  terms: ReadonlySet<Term>,
  statistics: Statistics | null = null
): LogprobResult {
  const hasY = encoded.scoredEnd === encoded.ids.length
  const ownY = sums.conditional === null ? null : sums.conditional - (sums.eos ?? 0)
  return {
    object: 'logprob.result',
    ...placeOf(item),
    log_prob: Object.fromEntries([...terms].map((term) => [term, sums[term]])),
    ...(hasY && sums.eos !== null ? { log_prob_eos: sums.eos } : {}),
    counts: encoded.lengths,
    ...(hasY && ownY !== null ? { normalized: normalized(ownY, encoded.lengths.y), is_greedy: isGreedy(sequence) } : {}),
    ...(statistics === null ? {} : { statistics }),
    ...(sums.isConditionalOnFirstToken && item.from === undefined ? { conditional_on_first_token: true as const } : {}),
    ...(causal === 'approximate' ? { causal: 'approximate' as const } : {}),
    boundary: encoded.boundary,
    checks,
    ...(tokens === null ? {} : { tokens: [...tokens] }),
    ...(words === null ? {} : { words: [...words] }),
    warnings: statistics === null ? warnings : [...warnings, ...undefinedStatistics(statistics)]
  }
}

/** The requested statistics of y; null for none. */
export async function statisticsOfItem({ item, encoded, moments }: ScoredItem, wanted: LogprobOptions['statistics']): Promise<Statistics | null> {
  const text = encoded.text.y.bytes ?? Buffer.from(encoded.boundary.scored?.y ?? (typeof item.y === 'string' ? item.y : ''))
  return wanted === null || moments === null ? null : statisticsOf(wanted, moments, text)
}

/** `resultOf` as JSON text, written in slices: a long sequence with its top tokens takes a second. */
export async function resultJson(scored: ScoredItem, { terms, statistics: wanted }: Pick<LogprobOptions, 'terms' | 'statistics'>): Promise<string> {
  const statistics = await statisticsOfItem(scored, wanted)
  const details = scored.tokens ?? scored.words
  if (details === null) return JSON.stringify(resultOf(scored, terms, statistics))
  const { warnings, ...head } = resultOf({ ...scored, tokens: null, words: null }, terms, statistics)
  const entries: string[] = []
  for (const entry of details) {
    if (isSliceOver()) await nextSlice()
    entries.push(JSON.stringify(entry))
  }
  const name = scored.tokens === null ? 'words' : 'tokens'
  return `${JSON.stringify(head).slice(0, -1)},"${name}":[${entries.join(',')}],"warnings":${JSON.stringify(warnings)}}`
}

/** Whether every token of y, and EOS if it is scored, is the most probable one at its position. */
function isGreedy({ logProbs, best, sizes }: ScoredSequence): boolean {
  const { start, end } = rangeOf(sizes, 'y')
  for (let position = start; position < end + sizes.eos; position++) if (logProbs[position] !== best[position]?.logProb) return false
  return true
}

/** Which item of the request a result belongs to. */
export type ItemPlace = Pick<LogprobItem, 'index' | 'id' | 'candidate' | 'line'>

export function placeOf({ index, id, candidate, line }: ItemPlace): ItemPlace {
  return { index, id, candidate, ...(line === undefined ? {} : { line }) }
}

export function failureOf(item: ItemPlace, { code, message, param }: ServiceError): LogprobFailure {
  return { object: 'logprob.failure', ...placeOf(item), error: { code, message, ...(param === undefined ? {} : { param }) } }
}
