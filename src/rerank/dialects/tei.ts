import { ServiceError } from '../../errors.ts'
import type { ScoredDocuments } from '../evaluate.ts'
import { type RerankRequest, rerankRequestOf, type YesNoRequest, yesNoRequestOf } from '../request.ts'
import { type DocumentFields, documentFields, ranked } from '../scored-document.ts'
import type { RerankTemplates } from '../template.ts'
import type { RerankBody } from './body.ts'

/** One entry of the list. */
export interface TeiRank extends DocumentFields {
  readonly index: number
  readonly score: number
  readonly text?: string
}

const NO_LIMITS = { max_tokens_per_doc: null, max_tokens_per_query: null, truncate_prompt_tokens: null }

/** Throws `empty_completion` for an empty list, and as `rerankRequestOf` does. */
export function teiRequest(body: RerankBody, templates: RerankTemplates): RerankRequest | YesNoRequest {
  const documents = body.texts ?? []
  if (documents.length === 0) throw new ServiceError('empty_completion', 'texts is an empty list: send at least one text', { param: 'texts' })
  const isLeft = body.truncation_direction?.toLowerCase() === 'left'
  const rest = {
    documents,
    field: 'texts',
    truncation: body.truncate === true ? (isLeft ? 'left' : 'right') : 'none',
    limits: NO_LIMITS
  } as const
  return body.scoring === 'yes_no' ? yesNoRequestOf(body, rest, templates) : rerankRequestOf(body, rest)
}

/**
 * Every text, the best first. Among equals the higher index comes first, as in Text Embeddings Inference. A list has no
 * place for warnings about all texts, so the best one has them.
 */
export function teiRanks({ documents, warnings }: Pick<ScoredDocuments, 'documents' | 'warnings'>, body: RerankBody): TeiRank[] {
  const [best, ...others] = ranked(documents, 'higher_index')
  if (best === undefined) return []
  const { raw_scores: isRaw, return_text: returnText } = body
  return [{ ...best, warnings: [...best.warnings, ...warnings] }, ...others].map((document) => ({
    index: document.index,
    score: isRaw === true ? document.normalizedLogProb : document.relevanceScore,
    ...(returnText === true ? { text: document.text } : {}),
    ...documentFields(document)
  }))
}
