import { type ConversationFields, conversationOf, MESSAGE_OPTIONS } from '../encoding/conversation-input.ts'
import { assertWellFormed } from '../encoding/well-formed.ts'
import { ServiceError } from '../errors.ts'
import type { Conversation } from '../tokenizer/tokenizer.ts'
import type { Normalization } from './normalization.ts'
import type { RerankTemplate, RerankTemplates } from './template.ts'

/** Which text is y, whose probability is computed; the other one is x. */
export type Direction = 'document_given_query' | 'query_given_document'
export const DIRECTIONS = ['document_given_query', 'query_given_document'] as const satisfies readonly Direction[]

/** A space, like lm-evaluation-harness puts between context and continuation: tokenizers expect one before a word. */
export const DEFAULT_SEPARATOR = ' '

export const SCORINGS = ['log_prob', 'yes_no'] as const

/** A request for `scoring: "yes_no"`, independent of its dialect. */
export interface YesNoRequest extends Pick<RerankRequest, 'documents' | 'field' | 'limits'> {
  readonly scoring: 'yes_no'
  readonly query: string
  readonly template: RerankTemplate
  readonly instruction: string
}

/** A request to rank by log-probability, independent of its dialect. */
export interface RerankRequest {
  readonly scoring: 'log_prob'
  /** A text, or the conversation that the documents answer. */
  readonly query: string | Conversation
  readonly documents: readonly string[]
  /** The body field that holds the documents, for error messages. */
  readonly field: 'documents' | 'texts'
  readonly direction: Direction
  readonly separator: string
  /** Null when the request names none: `defaultNormalization` then decides. */
  readonly normalization: Normalization | null
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
  readonly scoring?: (typeof SCORINGS)[number]
  readonly template?: string
  readonly instruction?: string | null
}

/** Builds the request. Throws `invalid_request`, `invalid_text` or `empty_completion`. */
export function rerankRequestOf(body: CommonFields, rest: Rest): RerankRequest {
  const { direction = 'document_given_query', separator = body.messages === undefined ? DEFAULT_SEPARATOR : '' } = body
  const query = queryOf(body, direction, separator)
  const normalization = normalizationOf(body)
  for (const [param, text] of [
    ['query', typeof query === 'string' ? query : ''],
    ['separator', separator],
    ['domain_prompt', body.domain_prompt ?? '']
  ] as const)
    assertWellFormed(text, param)
  assertNoneEmpty(query, rest)
  for (const field of ['template', 'instruction'] as const)
    if (body[field] !== undefined && body[field] !== null)
      throw invalid(field, `${field} belongs to scoring yes_no: send scoring "yes_no", or write it into query`)
  return { scoring: 'log_prob', query, direction, separator, normalization, ...rest }
}

/** Fields of `scoring: "log_prob"`, which a template replaces. */
const LOG_PROB_FIELDS = ['direction', 'separator', 'normalization', 'domain_prompt', 'alpha', 'messages', ...MESSAGE_OPTIONS] as const

/** Builds a request for `scoring: "yes_no"`. Throws as `rerankRequestOf` does. */
export function yesNoRequestOf(body: CommonFields, rest: Rest, templates: RerankTemplates): YesNoRequest {
  const stray = LOG_PROB_FIELDS.find((field) => field !== 'documents' && body[field] !== undefined && body[field] !== null)
  if (stray !== undefined) throw invalid(stray, `${stray} belongs to scoring log_prob; with scoring yes_no the template is the prompt: leave it out`)
  if (rest.truncation === 'left')
    throw invalid('truncation_direction', 'truncation on the left would cut the template, so scoring yes_no truncates nothing: leave it out')
  const [first] = templates.keys()
  const name = body.template ?? first
  const template = name === undefined ? undefined : templates.get(name)
  if (template === undefined)
    throw invalid('template', `template is not one of ${[...templates.keys()].join(', ')}; start logpr with --rerank-template FILE to add one`)
  const { query } = body
  if (query === undefined) throw invalid('query', 'query is missing: send query (a text)')
  const { instruction } = body
  if (typeof instruction === 'string' && !template.pieces.some((piece) => piece.includes('{instruction}')))
    throw invalid('instruction', 'this template has no place for an instruction: leave it out, or write it into query')
  assertWellFormed(query, 'query')
  assertWellFormed(instruction ?? '', 'instruction')
  assertNoneEmpty(query, rest)
  return { scoring: 'yes_no', query, template, instruction: instruction ?? template.instruction, ...rest }
}

/** What a dialect adds to the common fields. */
type Rest = Pick<RerankRequest, 'documents' | 'field' | 'truncation' | 'limits'>

function assertNoneEmpty(query: string | Conversation, { documents, field }: Rest): void {
  if (query === '') throw empty('query', 'send a text')
  const emptyIndex = documents.indexOf('')
  if (emptyIndex !== -1) throw empty(`${field}/${emptyIndex}`, 'leave it out')
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
function normalizationOf({ normalization, domain_prompt: domainPrompt, alpha }: CommonFields): Normalization | null {
  const kind = normalization ?? (domainPrompt !== undefined ? 'dc_pmi' : alpha !== undefined ? 'alpha' : null)
  if (kind === null) return null
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
