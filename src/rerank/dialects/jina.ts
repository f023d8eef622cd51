import { ServiceError } from '../../errors.ts'
import { type RerankRequest, rerankRequestOf } from '../request.ts'
import { type DocumentNumbers, documentNumbers, ranked, type ScoredDocument } from '../scored-document.ts'
import type { RerankBody } from './body.ts'

/** One ranked document of the object form. */
export interface JinaResult extends DocumentNumbers {
  readonly index: number
  readonly relevance_score: number
  readonly document?: { readonly text: string }
}

/** Documents that Cohere bills as one search. */
const DOCUMENTS_A_SEARCH_UNIT = 100

/** Throws `invalid_request` for what Cohere's and vLLM's services would do and this one does not, and as `rerankRequestOf`. */
export function jinaRequest(body: RerankBody): RerankRequest {
  const documents = (body.documents ?? []).map((document) => (typeof document === 'string' ? document : document.text))
  if (documents.length === 0) throw new ServiceError('invalid_request', 'documents is an empty list: there is nothing to rank', { param: 'documents' })
  if (body.rank_fields?.some((field) => field !== 'text'))
    throw new ServiceError('invalid_request', 'rank_fields names fields other than text, and only text is scored: join the fields into text', {
      param: 'rank_fields'
    })
  if (typeof body.instruction === 'string')
    throw new ServiceError('invalid_request', 'instruction is not applied here: write it into query, as the model is to read it', { param: 'instruction' })
  return rerankRequestOf(body, {
    documents,
    field: 'documents',
    truncation: 'none',
    limits: {
      max_tokens_per_doc: body.max_tokens_per_doc ?? null,
      max_tokens_per_query: body.max_tokens_per_query ?? null,
      truncate_prompt_tokens: body.truncate_prompt_tokens ?? null
    }
  })
}

/**
 * The best `top_n` documents, all when that is absent, null or not positive. Of equal ones the first of the request comes
 * first, as in vLLM. `document` is given unless `return_documents` is false: Jina's default, and what vLLM always does.
 */
export function jinaResults(documents: readonly ScoredDocument[], { top_n: topN, return_documents: returnDocuments }: RerankBody): JinaResult[] {
  const all = ranked(documents, 'lower_index')
  const wanted = typeof topN === 'number' && topN > 0 ? all.slice(0, topN) : all
  return wanted.map((document) => ({
    index: document.index,
    relevance_score: document.relevanceScore,
    ...documentNumbers(document),
    ...(returnDocuments === false ? {} : { document: { text: document.text } })
  }))
}

/** Cohere's `meta`; nothing is billed here, but its clients read it. */
export function cohereMeta(version: '1' | '2', documentCount: number): object {
  return { api_version: { version }, billed_units: { search_units: Math.ceil(documentCount / DOCUMENTS_A_SEARCH_UNIT) } }
}
