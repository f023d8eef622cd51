import { type ConversationFields, conversationOf, MESSAGE_OPTIONS } from '../encoding/conversation-input.ts'
import { assertWellFormed } from '../encoding/well-formed.ts'
import { ServiceError } from '../errors.ts'
import type { Conversation } from '../tokenizer/tokenizer.ts'
import type { Normalization } from './normalization.ts'

/** Which text is y, whose probability is computed; the other one is x. */
export type Direction = 'document_given_query' | 'query_given_document'
export const DIRECTIONS = ['document_given_query', 'query_given_document'] as const satisfies readonly Direction[]

/** A space, like lm-evaluation-harness puts between context and continuation: tokenizers expect one before a word. */
export const DEFAULT_SEPARATOR = ' '

/** A rerank request, independent of its dialect. */
export interface RerankRequest {
  /** A text, or the conversation that the documents answer. */
  readonly query: string | Conversation
  readonly documents: readonly string[]
  /** The body field that holds the documents, for error messages. */
  readonly field: 'documents' | 'texts'
  readonly direction: Direction
  readonly separator: string
  readonly normalization: Normalization
  /**
   * `left` drops the first tokens of x when x and y are too long. `right` was requested but is not supported: too long
   * is an error.
   */
  readonly truncation: 'none' | 'left' | 'right'
  readonly limits: TokenLimits
}

/** Lengths in tokens at which other services truncate a text; null means no limit. */
interface TokenLimits {
  readonly max_tokens_per_doc: number | null
  readonly max_tokens_per_query: number | null
  readonly truncate_prompt_tokens: number | null
}

/** The body fields that all dialects share. */
export interface CommonFields extends Omit<ConversationFields, 'documents'> {
  readonly query?: string
  readonly direction?: Direction
  readonly separator?: string
  readonly normalization?: Normalization['kind']
  readonly domain_prompt?: string
  readonly alpha?: number
}

/** Builds the request. Throws `invalid_request`, `invalid_text` or `empty_completion`. */
export function rerankRequestOf(body: CommonFields, rest: Pick<RerankRequest, 'documents' | 'field' | 'truncation' | 'limits'>): RerankRequest {
  const { direction = 'document_given_query', separator = body.messages === undefined ? DEFAULT_SEPARATOR : '' } = body
  const query = queryOf(body, direction, separator)
  const normalization = normalizationOf(body)
  for (const [param, text] of [
    ['query', typeof query === 'string' ? query : ''],
    ['separator', separator],
    ['domain_prompt', body.domain_prompt ?? '']
  ] as const)
    assertWellFormed(text, param)
  if (query === '') throw empty('query', 'send a text')
  const emptyIndex = rest.documents.indexOf('')
  if (emptyIndex !== -1) throw empty(`${rest.field}/${emptyIndex}`, 'leave it out')
  return { query, direction, separator, normalization, ...rest }
}

/** The query or the conversation. `documents` are those to rank, so the chat template gets none. */
function queryOf(body: CommonFields, direction: Direction, separator: string): string | Conversation {
  const { query, messages } = body
  if (messages === undefined) {
    const option = MESSAGE_OPTIONS.find((field) => field !== 'documents' && body[field] !== undefined && body[field] !== null)
    if (option !== undefined) throw invalid(option, `${option} needs messages, which a chat template renders: send messages instead of query, or leave it out`)
    if (query === undefined) throw invalid('query', 'query is missing: send query (a text), or messages (a conversation that the documents answer)')
    return query
  }
  if (query !== undefined) throw invalid('messages', 'query and messages exclude each other: send one of them')
  if (direction !== 'document_given_query')
    throw invalid('direction', 'messages are always the prompt, so direction must be document_given_query: leave it out')
  if (/[^ ]/.test(separator))
    throw invalid('separator', 'the chat template ends the prompt, so with messages separator may only be spaces in front of each document: leave it out')
  return conversationOf(messages, { ...body, documents: null }, { path: '', addGenerationPrompt: true })
}

/** `domain_prompt` and `alpha` each belong to one normalization, and select it when `normalization` is missing. */
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
    throw missing('domain_prompt', kind, 'the text that replaces x in the baseline; use normalization pmi for an empty one')
  return { kind, domainPrompt }
}

function unused(param: string, wanted: string, kind: string): ServiceError {
  return new ServiceError('invalid_request', `${param} belongs to normalization ${wanted}, but this request has normalization ${kind}: leave one of them out`, {
    param
  })
}

function missing(param: string, kind: string, what: string): ServiceError {
  return new ServiceError('invalid_request', `normalization ${kind} needs ${param}: ${what}`, { param })
}

function invalid(param: string, message: string): ServiceError {
  return new ServiceError('invalid_request', message, { param })
}

function empty(param: string, advice: string): ServiceError {
  return new ServiceError('empty_completion', `${param} is empty, so there is nothing to score: ${advice}`, { param })
}
