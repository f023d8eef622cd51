import { ServiceError } from '../../errors.ts'
import type { CommonFields } from '../request.ts'

/** A validated body of either dialect. Some clients send null for an absent field. */
export interface RerankBody extends CommonFields {
  readonly documents?: readonly (string | { readonly text: string })[]
  readonly top_n?: number | null
  readonly return_documents?: boolean | null
  readonly rank_fields?: readonly string[] | null
  readonly max_tokens_per_doc?: number | null
  readonly max_tokens_per_query?: number | null
  readonly truncate_prompt_tokens?: number | null

  readonly texts?: readonly string[]
  readonly raw_scores?: boolean | null
  readonly return_text?: boolean | null
  readonly truncate?: boolean | null
  readonly truncation_direction?: string | null
}

/** `jina`: the format of Jina, Cohere and vLLM, an object. `tei`: the format of Text Embeddings Inference, a list. */
export type Dialect = 'jina' | 'tei'

/** Detects the dialect by the field that holds the documents; null when a body has both fields or neither. */
export function dialectOf(body: unknown): Dialect | null {
  if (typeof body !== 'object' || body === null) return null
  const isJina = 'documents' in body
  return isJina === 'texts' in body ? null : isJina ? 'jina' : 'tei'
}

/** The dialect of a body. Throws `invalid_request` that explains how to choose one. */
export function requiredDialect(body: object): Dialect {
  const dialect = dialectOf(body)
  if (dialect !== null) return dialect
  const both = 'documents' in body
  throw new ServiceError(
    'invalid_request',
    both
      ? 'documents and texts exclude each other: send documents for the format of Jina, Cohere and vLLM, or texts for that of Text Embeddings Inference'
      : 'documents is missing: send documents (Jina, Cohere and vLLM) or texts (Text Embeddings Inference)',
    { param: both ? 'texts' : 'documents' }
  )
}
