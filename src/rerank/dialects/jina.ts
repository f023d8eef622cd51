import { ServiceError } from '../../errors.ts'
import { type RerankRequest, rerankRequestOf, type YesNoRequest, yesNoRequestOf } from '../request.ts'
import { type DocumentFields, documentFields, ranked, type ScoredDocument } from '../scored-document.ts'
import type { RerankTemplates } from '../template.ts'
import type { RerankBody } from './body.ts'

/** One ranked document. */
export interface JinaResult extends DocumentFields {
  readonly index: number
  readonly relevance_score: number
  readonly document?: { readonly text: string }
}

/** Documents that Cohere bills as one search unit. */
const DOCUMENTS_PER_SEARCH_UNIT = 100

/**
 * Throws `invalid_request` for options of Cohere and vLLM that logpr does not support, and as `rerankRequestOf` does.
 */
export function jinaRequest(body: RerankBody, templates: RerankTemplates): RerankRequest | YesNoRequest {
  const documents = (body.documents ?? []).map((document) => (typeof document === 'string' ? document : document.text))
  if (documents.length === 0) throw new ServiceError('invalid_request', 'documents is an empty list: send at least one document', { param: 'documents' })
  if (body.rank_fields?.some((field) => field !== 'text'))
    throw new ServiceError('invalid_request', 'rank_fields names fields other than text, but logpr scores text alone: join the fields into text', {
      param: 'rank_fields'
    })
  const rest = {
    documents,
    field: 'documents',
    truncation: 'none',
    limits: {
      max_tokens_per_doc: body.max_tokens_per_doc ?? null,
      max_tokens_per_query: body.max_tokens_per_query ?? null,
      truncate_prompt_tokens: body.truncate_prompt_tokens ?? null
    }
  } as const
  return body.scoring === 'yes_no' ? yesNoRequestOf(body, rest, templates) : rerankRequestOf(body, rest)
}

/**
 * The best `top_n` documents; all when it is absent, null or not positive. Among equals the lower index comes first, as
 * in vLLM. Results include `document` unless `return_documents` is false: the default of Jina, and always so in vLLM.
 */
export function jinaResults(documents: readonly ScoredDocument[], { top_n: topN, return_documents: returnDocuments }: RerankBody): JinaResult[] {
  const all = ranked(documents, 'lower_index')
  const wanted = typeof topN === 'number' && topN > 0 ? all.slice(0, topN) : all
  return wanted.map((document) => ({
    index: document.index,
    relevance_score: document.relevanceScore,
    ...documentFields(document),
    ...(returnDocuments === false ? {} : { document: { text: document.text } })
  }))
}

/** Cohere's `meta`. logpr bills nothing, but Cohere's clients read it. */
export function cohereMeta(version: '1' | '2', documentCount: number): object {
  return { api_version: { version }, billed_units: { search_units: Math.ceil(documentCount / DOCUMENTS_PER_SEARCH_UNIT) } }
}
