import { ServiceError } from '../errors.ts'
import type { EncodedItem, Warning } from '../logprob/encoded-item.ts'
import type { LogprobEvaluator } from '../logprob/evaluate.ts'
import { DEFAULT_OPTIONS, type LogprobItem, type LogprobOptions } from '../logprob/options.ts'
import type { LogprobResult } from '../logprob/result.ts'
import type { Usage } from '../logprob/usage.ts'
import type { Lengths } from '../scoring/normalized.ts'
import { baselineError, documentError, refuseOverLimits } from './document-error.ts'
import { hasBaseline, normalizedLogProb, relevanceScore } from './normalization.ts'
import { type Baselines, baselinesOf, pairsOf } from './pairs.ts'
import type { RerankRequest } from './request.ts'
import { rerankUsage } from './usage.ts'

/** One document with its numbers; all log-probabilities in nats. */
export interface ScoredDocument {
  /** Position in the request. */
  readonly index: number
  readonly text: string
  /** log Pr(y | x) */
  readonly logProb: number
  readonly baselineLogProb: number | null
  readonly normalizedLogProb: number
  readonly relevanceScore: number
  readonly counts: { readonly x: Lengths; readonly y: Lengths }
  readonly warnings: readonly Warning[]
}

export interface ScoredDocuments {
  /** In the order of the request, every one. */
  readonly documents: readonly ScoredDocument[]
  readonly usage: Usage
}

type Scorer = Pick<LogprobEvaluator, 'encode' | 'evaluateEncoded'>

/**
 * Scores all documents of a request, each distinct (x, y) once. Throws what is wrong with the first document that cannot
 * be scored, before any is, naming its index; and `queue_full`.
 */
export async function scoreDocuments(request: RerankRequest, scorer: Scorer, signal: AbortSignal): Promise<ScoredDocuments> {
  const pairs = pairsOf(request)
  const options: LogprobOptions = {
    ...DEFAULT_OPTIONS,
    // Asking for y alone never runs the head on x.
    terms: new Set(['conditional'] as const),
    onOverflow: request.truncation === 'left' ? 'truncate_left' : 'error'
  }
  const documentOfItem = (item: number): number => pairs.documentOf[item] ?? 0
  const encoded = (await scorer.encode(pairs.items, options)).map((item, i): EncodedItem => {
    if (item instanceof ServiceError) throw documentError(item, documentOfItem(i), request)
    refuseOverLimits(item, documentOfItem(i), request)
    return item
  })
  const baselines: Baselines = hasBaseline(request.normalization)
    ? baselinesOf(encoded, request.normalization.kind === 'dc_pmi' ? request.normalization.domainPrompt : '')
    : { items: [], baselineOf: [] }
  const documentOfBaseline = (baseline: number): number => documentOfItem(baselines.baselineOf.indexOf(baseline))
  const encodedBaselines = (await scorer.encode(baselines.items, options)).map((item, i) => {
    if (item instanceof ServiceError) throw baselineError(item, documentOfBaseline(i), request)
    return item
  })

  const { outcomes, usage } = await scorer.evaluateEncoded([...pairs.items, ...baselines.items], [...encoded, ...encodedBaselines], options, signal)
  const results = (await Promise.all(outcomes)).map((outcome, i): LogprobResult => {
    if (!('error' in outcome)) return outcome.result
    if (i < encoded.length) throw documentError(outcome.error, documentOfItem(i), request)
    throw baselineError(outcome.error, documentOfBaseline(i - encoded.length), request)
  })

  const resultOf = (item: LogprobItem | undefined): LogprobResult => {
    const result = item === undefined ? undefined : results[item.index]
    if (result === undefined) throw new Error('a document was not scored')
    return result
  }
  const documents = request.documents.map((text, index): ScoredDocument => {
    const item = pairs.itemOf[index] ?? 0
    const own = resultOf(pairs.items[item])
    const baselineIndex = baselines.baselineOf[item]
    const baseline = baselineIndex === undefined ? null : resultOf(baselines.items[baselineIndex])
    const logProb = conditionalOf(own)
    const baselineLogProb = baseline === null ? null : conditionalOf(baseline)
    const value = normalizedLogProb(request.normalization, { logProb, y: own.counts.y, baselineLogProb })
    return {
      index,
      text,
      logProb,
      baselineLogProb,
      normalizedLogProb: value,
      relevanceScore: relevanceScore(request.normalization, value),
      counts: own.counts,
      warnings: [...warningsOf(own), ...(baseline === null ? [] : warningsOf(baseline).map(ofBaseline))]
    }
  })
  return { documents, usage: rerankUsage(encoded, pairs.itemOf, usage) }
}

function conditionalOf({ log_prob: { conditional } }: LogprobResult): number {
  if (typeof conditional !== 'number') throw new Error('a result has no conditional log-probability')
  return conditional
}

/** What `/v1/logprob` would say of the pair: its warnings, and the checks that did not pass. */
function warningsOf({ warnings, checks }: LogprobResult): Warning[] {
  const found = checks.items.filter(({ status }) => status === 'warn' || status === 'fail')
  return [...warnings, ...found.map(({ id, message }) => ({ code: id, message }))]
}

function ofBaseline({ code, message }: Warning): Warning {
  return { code, message: `the baseline: ${message}` }
}
