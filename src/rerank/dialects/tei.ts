import { ServiceError } from '../../errors.ts'
import { type RerankRequest, rerankRequestOf } from '../request.ts'
import { type DocumentNumbers, documentNumbers, ranked, type ScoredDocument } from '../scored-document.ts'
import type { RerankBody } from './body.ts'

/** One entry of the bare list. */
export interface TeiRank extends DocumentNumbers {
  readonly index: number
  readonly score: number
  readonly text?: string
}

const NO_LIMITS = { max_tokens_per_doc: null, max_tokens_per_query: null, truncate_prompt_tokens: null }

/** Throws `empty_completion` for no texts, and as `rerankRequestOf`. */
export function teiRequest(body: RerankBody): RerankRequest {
  const documents = body.texts ?? []
  if (documents.length === 0) throw new ServiceError('empty_completion', 'texts is an empty list: there is nothing to rank', { param: 'texts' })
  const isLeft = body.truncation_direction?.toLowerCase() === 'left'
  return rerankRequestOf(body, {
    documents,
    field: 'texts',
    truncation: body.truncate === true ? (isLeft ? 'left' : 'right') : 'none',
    limits: NO_LIMITS
  })
}

/** Every text, the best first; of equal ones the last of the request comes first, as in Text Embeddings Inference. */
export function teiRanks(documents: readonly ScoredDocument[], { raw_scores: isRaw, return_text: returnText }: RerankBody): TeiRank[] {
  return ranked(documents, 'higher_index').map((document) => ({
    index: document.index,
    score: isRaw === true ? document.normalizedLogProb : document.relevanceScore,
    ...(returnText === true ? { text: document.text } : {}),
    ...documentNumbers(document)
  }))
}
