import { ServiceError } from '../../errors.ts'
import { type RerankRequest, rerankRequestOf } from '../request.ts'
import { type DocumentFields, documentFields, ranked, type ScoredDocument } from '../scored-document.ts'
import type { RerankBody } from './body.ts'

/** One entry of the list. */
export interface TeiRank extends DocumentFields {
  readonly index: number
  readonly score: number
  readonly text?: string
}

const NO_LIMITS = { max_tokens_per_doc: null, max_tokens_per_query: null, truncate_prompt_tokens: null }

/** Throws `empty_completion` for an empty list, and as `rerankRequestOf` does. */
export function teiRequest(body: RerankBody): RerankRequest {
  const documents = body.texts ?? []
  if (documents.length === 0) throw new ServiceError('empty_completion', 'texts is an empty list: send at least one text', { param: 'texts' })
  const isLeft = body.truncation_direction?.toLowerCase() === 'left'
  return rerankRequestOf(body, {
    documents,
    field: 'texts',
    truncation: body.truncate === true ? (isLeft ? 'left' : 'right') : 'none',
    limits: NO_LIMITS
  })
}

/** Every text, the best first. Among equals the higher index comes first, as in Text Embeddings Inference. */
export function teiRanks(documents: readonly ScoredDocument[], { raw_scores: isRaw, return_text: returnText }: RerankBody): TeiRank[] {
  return ranked(documents, 'higher_index').map((document) => ({
    index: document.index,
    score: isRaw === true ? document.normalizedLogProb : document.relevanceScore,
    ...(returnText === true ? { text: document.text } : {}),
    ...documentFields(document)
  }))
}
