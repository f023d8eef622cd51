import { ServiceError } from '../../errors.ts'
import type { CommonFields } from '../request.ts'

/** A body of either dialect, as it was validated; null stands for absent, as some clients send it. */
export interface RerankBody extends CommonFields {
  readonly documents?: readonly (string | { readonly text: string })[]
  readonly top_n?: number | null
  readonly return_documents?: boolean | null
  readonly rank_fields?: readonly string[] | null
  readonly max_tokens_per_doc?: number | null
  readonly max_tokens_per_query?: number | null
  readonly truncate_prompt_tokens?: number | null
  readonly instruction?: string | null

  readonly texts?: readonly string[]
  readonly raw_scores?: boolean | null
  readonly return_text?: boolean | null
  readonly truncate?: boolean | null
  readonly truncation_direction?: 'left' | 'Left' | 'right' | 'Right' | null
}

/** `jina`: the object of Jina, Cohere and vLLM; `tei`: the list of Text Embeddings Inference. */
export type Dialect = 'jina' | 'tei'

/** Which dialect a body is in, by the name of its documents; null when it has both names or neither. */
export function dialectOf(body: unknown): Dialect | null {
  if (typeof body !== 'object' || body === null) return null
  const isJina = 'documents' in body
  return isJina === 'texts' in body ? null : isJina ? 'jina' : 'tei'
}

/** The dialect, or `invalid_request` that says how to choose one. */
export function requiredDialect(body: object): Dialect {
  const dialect = dialectOf(body)
  if (dialect !== null) return dialect
  const both = 'documents' in body
  throw new ServiceError(
    'invalid_request',
    both
      ? 'documents and texts exclude each other: documents asks for the answer of Jina, Cohere and vLLM, texts for that of Text Embeddings Inference'
      : 'documents is missing: send documents (as Jina, Cohere and vLLM), or texts (as Text Embeddings Inference)',
    { param: both ? 'texts' : 'documents' }
  )
}
