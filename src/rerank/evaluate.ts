import { elementAt } from '../element-at.ts'
import type { EncodedItem } from '../encoding/encoded-item.ts'
import { DEFAULT_OPTIONS, type LogprobOptions } from '../encoding/logprob-item.ts'
import { ServiceError } from '../errors.ts'
import type { LogprobEvaluator } from '../evaluation/logprob-evaluator.ts'
import type { ScoredItem } from '../evaluation/scored-item.ts'
import type { Usage } from '../evaluation/usage.ts'
import type { WorkTerms } from '../scheduling/job.ts'
import { baselineError, documentError, refuseOverLimits } from './document-error.ts'
import { hasBaseline } from './normalization.ts'
import { type Baselines, baselinesOf, pairsOf } from './pairs.ts'
import type { RerankRequest } from './request.ts'
import { type ScoredDocument, scoredDocument } from './scored-document.ts'

export interface ScoredDocuments {
  /** In the order of the request, every one. */
  readonly documents: readonly ScoredDocument[]
  readonly usage: Usage
}

type Scorer = Pick<LogprobEvaluator, 'encode' | 'evaluateEncoded'>

/**
 * Scores all documents of a request, each distinct (x, y) once, and those that differ in their last token alone in one
 * pass: the query is then computed once for all answers of one token. Throws what is wrong with the first document that cannot
 * be scored, before any is, naming its index; and `queue_full`.
 */
export async function scoreDocuments(request: RerankRequest, scorer: Scorer, terms: WorkTerms): Promise<ScoredDocuments> {
  const pairs = pairsOf(request)
  const options: LogprobOptions = {
    ...DEFAULT_OPTIONS,
    // Asking for y alone never runs the head on x.
    terms: new Set(['conditional'] as const),
    onOverflow: request.truncation === 'left' ? 'truncate_left' : 'error'
  }
  const documentOfItem = (item: number): number => elementAt(pairs.documentOf, item)
  const encoded = (await scorer.encode(pairs.items, options)).map((item, i): EncodedItem => {
    if (item instanceof ServiceError) throw documentError(item, documentOfItem(i), request)
    refuseOverLimits(item, documentOfItem(i), request)
    return item
  })
  const baselines: Baselines | null = hasBaseline(request.normalization)
    ? baselinesOf(encoded, request.normalization.kind === 'dc_pmi' ? request.normalization.domainPrompt : '')
    : null
  const baselineItems = baselines?.items ?? []
  const documentOfBaseline = (baseline: number): number => documentOfItem(baselines?.baselineOf.indexOf(baseline) ?? -1)
  const encodedBaselines = (await scorer.encode(baselineItems, options)).map((item, i) => {
    if (item instanceof ServiceError) throw baselineError(item, documentOfBaseline(i), request)
    return item
  })

  const { outcomes, usage } = await scorer.evaluateEncoded([...pairs.items, ...baselineItems], [...encoded, ...encodedBaselines], options, terms)
  const results = (await Promise.all(outcomes)).map((outcome, i): ScoredItem => {
    if (!('error' in outcome)) return outcome
    if (i < encoded.length) throw documentError(outcome.error, documentOfItem(i), request)
    throw baselineError(outcome.error, documentOfBaseline(i - encoded.length), request)
  })

  const documents = request.documents.map((text, index) => {
    const item = elementAt(pairs.itemOf, index)
    const baseline = baselines === null ? null : elementAt(baselines.baselineOf, item)
    return scoredDocument(text, index, request.normalization, {
      own: elementAt(results, item),
      baseline: baseline === null ? null : elementAt(results, encoded.length + baseline)
    })
  })
  return { documents, usage: rerankUsage(encoded, pairs.itemOf, await usage) }
}

/**
 * Tokens of all documents as they were sent, a repeated one each time, beside those that went through the model:
 * `computed` counts the passes that were run, baselines included.
 */
function rerankUsage(encoded: readonly EncodedItem[], itemOf: readonly number[], { computed_tokens, cached_tokens }: Usage): Usage {
  const sizes = itemOf.flatMap((item) => encoded[item]?.sizes ?? [])
  const promptTokens = sizes.reduce((sum, { prefix, x }) => sum + prefix + x, 0)
  const completionTokens = sizes.reduce((sum, { y }) => sum + y, 0)
  return { prompt_tokens: promptTokens, completion_tokens: completionTokens, total_tokens: promptTokens + completionTokens, computed_tokens, cached_tokens }
}
