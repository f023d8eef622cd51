import { elementAt } from '../element-at.ts'
import type { EncodedItem, Warning } from '../encoding/encoded-item.ts'
import { DEFAULT_OPTIONS, type LogprobOptions } from '../encoding/logprob-item.ts'
import { ServiceError } from '../errors.ts'
import type { LogprobEvaluator } from '../evaluation/logprob-evaluator.ts'
import type { ScoredItem } from '../evaluation/scored-item.ts'
import type { Usage } from '../evaluation/usage.ts'
import { mapInSlices } from '../event-loop.ts'
import type { WorkTerms } from '../scheduling/job.ts'
import { assertWithinLimits, baselineError, documentError } from './document-error.ts'
import { defaultNormalization, hasBaseline, largestLengthRatio, type Normalization } from './normalization.ts'
import { type Baselines, baselinesOf, pairsOf } from './pairs.ts'
import type { RerankRequest } from './request.ts'
import { type ScoredDocument, scoredDocument } from './scored-document.ts'

export interface ScoredDocuments {
  /** All documents, in the order of the request. */
  readonly documents: readonly ScoredDocument[]
  /** What made them comparable; null for labels of a template. */
  readonly normalization: Normalization | null
  /** About the documents together. */
  readonly warnings: readonly Warning[]
  readonly usage: Usage
}

type Scorer = Pick<LogprobEvaluator, 'encode' | 'evaluateEncoded' | 'hasPrefixToken'>

/**
 * Scores all documents of a request. Each distinct (x, y) is computed once, and documents that differ in their last
 * token alone in one pass, so one-token documents share the computation of the query. Throws `queue_full`, and the
 * error of the first document that cannot be encoded, with its index, before any is scored.
 */
export async function scoreDocuments(requested: RerankRequest, scorer: Scorer, terms: WorkTerms): Promise<ScoredDocuments> {
  const normalization = requested.normalization ?? defaultNormalization(requested.direction === 'document_given_query', scorer.hasPrefixToken)
  const request = { ...requested, normalization }
  const pairs = pairsOf(request)
  const options: LogprobOptions = {
    ...DEFAULT_OPTIONS,
    // Without joint and marginal, the LM head never runs on x.
    terms: new Set(['conditional'] as const),
    onOverflow: request.truncation === 'left' ? 'truncate_left' : 'error'
  }
  const documentOfItem = (item: number): number => elementAt(pairs.documentOf, item)
  const encoded = await mapInSlices(await scorer.encode(pairs.items, options, terms), (item, i): EncodedItem => {
    if (item instanceof ServiceError) throw documentError(item, documentOfItem(i), request)
    assertWithinLimits(item, documentOfItem(i), request)
    return item
  })
  const { items: baselineItems, baselineOf } = hasBaseline(normalization)
    ? baselinesOf(encoded, normalization.kind === 'dc_pmi' ? normalization.domainPrompt : '')
    : NO_BASELINES
  const documentOfBaseline = (baseline: number): number => documentOfItem(baselineOf.indexOf(baseline))
  const encodedBaselines = (await scorer.encode(baselineItems, options, terms)).map((item, i) => {
    if (item instanceof ServiceError) throw baselineError(item, documentOfBaseline(i), request)
    return item
  })

  const { outcomes, usage } = await scorer.evaluateEncoded([...pairs.items, ...baselineItems], [...encoded, ...encodedBaselines], options, terms)
  const results = (await Promise.all(outcomes)).map((outcome, i): ScoredItem => {
    if (!('error' in outcome)) return outcome
    if (i < encoded.length) throw documentError(outcome.error, documentOfItem(i), request)
    throw baselineError(outcome.error, documentOfBaseline(i - encoded.length), request)
  })

  const documents = await mapInSlices(request.documents, (text, index) => {
    const item = elementAt(pairs.itemOf, index)
    return scoredDocument(text, index, normalization, {
      own: elementAt(results, item),
      baseline: hasBaseline(normalization) ? elementAt(results, encoded.length + elementAt(baselineOf, item)) : null
    })
  })
  return { documents, normalization, warnings: lengthWarnings(encoded, normalization), usage: rerankUsage(encoded, pairs.itemOf, await usage) }
}

function lengthWarnings(encoded: readonly EncodedItem[], normalization: Normalization): Warning[] {
  const lengths = encoded.map(({ sizes }) => sizes.y)
  const [shortest, longest] = [Math.min(...lengths), Math.max(...lengths)]
  if (longest < shortest * largestLengthRatio(normalization)) return []
  return [
    {
      code: 'lengths_differ',
      message: `the documents have ${shortest} to ${longest} tokens, and normalization ${normalization.kind} does not make such lengths comparable: use pmi, or dc_pmi with a domain_prompt`
    }
  ]
}

const NO_BASELINES: Baselines = { items: [], baselineOf: [] }

/**
 * Prompt and completion tokens count every document that was sent, repeated ones each time. Computed and cached tokens
 * count the passes that ran, including baselines.
 */
export function rerankUsage(encoded: readonly EncodedItem[], itemOf: readonly number[], { computed_tokens, cached_tokens }: Usage): Usage {
  const sizes = itemOf.map((item) => elementAt(encoded, item).sizes)
  const promptTokens = sizes.reduce((sum, { prefix, x }) => sum + prefix + x, 0)
  const completionTokens = sizes.reduce((sum, { y }) => sum + y, 0)
  return { prompt_tokens: promptTokens, completion_tokens: completionTokens, total_tokens: promptTokens + completionTokens, computed_tokens, cached_tokens }
}
