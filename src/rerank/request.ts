import { ServiceError } from '../errors.ts'
import type { Normalization } from './normalization.ts'

/** Which text is y, the one whose probability is taken; the other is x. */
export type Direction = 'document_given_query' | 'query_given_document'
export const DIRECTIONS = ['document_given_query', 'query_given_document'] as const satisfies readonly Direction[]

/** A space, as between context and continuation in lm-evaluation-harness: tokenizers of running text expect it before a word. */
export const DEFAULT_SEPARATOR = ' '

/** What is to be ranked and how, whatever dialect asked. */
export interface RerankRequest {
  readonly query: string
  readonly documents: readonly string[]
  /** The name of the documents in the body, for error messages. */
  readonly field: 'documents' | 'texts'
  readonly direction: Direction
  readonly separator: string
  readonly normalization: Normalization
  /** `left` leaves out the first tokens of x where x and y are too long; `right` was asked for and is not done. */
  readonly truncation: 'none' | 'left' | 'right'
  readonly limits: TokenLimits
}

/** Lengths at which other services cut a text, tokens; null for none. */
export interface TokenLimits {
  readonly max_tokens_per_doc: number | null
  readonly max_tokens_per_query: number | null
  readonly truncate_prompt_tokens: number | null
}

/** The fields that all dialects share. */
export interface CommonFields {
  readonly query: string
  readonly direction?: Direction
  readonly separator?: string
  readonly normalization?: Normalization['kind']
  readonly domain_prompt?: string
  readonly alpha?: number
}

/** Throws `invalid_request`, `invalid_text` or `empty_completion` when the fields do not go together. */
export function rerankRequestOf(body: CommonFields, rest: Pick<RerankRequest, 'documents' | 'field' | 'truncation' | 'limits'>): RerankRequest {
  const { query, direction = 'document_given_query', separator = DEFAULT_SEPARATOR } = body
  const normalization = normalizationOf(body)
  for (const [param, text] of [
    ['query', query],
    ['separator', separator],
    ['domain_prompt', body.domain_prompt ?? '']
  ] as const)
    if (!text.isWellFormed()) throw new ServiceError('invalid_text', `${param} holds a lone surrogate (half of a UTF-16 pair)`, { param })
  if (query === '') throw empty('query', 'send a text')
  const emptyIndex = rest.documents.indexOf('')
  if (emptyIndex !== -1) throw empty(`${rest.field}/${emptyIndex}`, 'leave it out')
  return { query, direction, separator, normalization, ...rest }
}

/** `domain_prompt` and `alpha` belong to one normalisation each, and name it where it is not named. */
function normalizationOf({ normalization, domain_prompt: domainPrompt, alpha }: CommonFields): Normalization {
  const kind = normalization ?? (domainPrompt !== undefined ? 'dc_pmi' : alpha !== undefined ? 'alpha' : 'per_token')
  if (domainPrompt !== undefined && kind !== 'dc_pmi') throw unused('domain_prompt', 'dc_pmi', kind)
  if (alpha !== undefined && kind !== 'alpha') throw unused('alpha', 'alpha', kind)
  if (kind === 'alpha') {
    if (alpha === undefined) throw missing('alpha', kind, 'a number from 0 (the sum) to 1 (the mean per token)')
    return { kind, alpha }
  }
  if (kind !== 'dc_pmi') return { kind }
  if (domainPrompt === undefined || domainPrompt === '')
    throw missing('domain_prompt', kind, 'the text that stands in place of x in the baseline; for none there is normalization pmi')
  return { kind, domainPrompt }
}

function unused(param: string, wanted: string, kind: string): ServiceError {
  return new ServiceError('invalid_request', `${param} belongs to normalization ${wanted}, and this request has normalization ${kind}: leave one out`, {
    param
  })
}

function missing(param: string, kind: string, what: string): ServiceError {
  return new ServiceError('invalid_request', `normalization ${kind} needs ${param}: ${what}`, { param })
}

function empty(param: string, advice: string): ServiceError {
  return new ServiceError('empty_completion', `${param} is empty: there is nothing to rank by; ${advice}`, { param })
}
