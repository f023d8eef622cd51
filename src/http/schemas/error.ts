import type { ErrorCode } from '../../errors.ts'
import { ERROR_KINDS, teiErrorOf } from '../problem.ts'
import { integer, named, nullable, objectOf, oneOfWords, response, type Schema, string } from './json-schema.ts'

const FIELDS = {
  type: string('urn:logpr:error: and the code.'),
  title: string('What the code means; the same for every error with this code.'),
  status: integer('The HTTP status.'),
  detail: string('What is wrong, the limit and the remedy. Never contains text of the request.'),
  code: string(`Stable name of the error: ${Object.keys(ERROR_KINDS).join(', ')}. A later version may add others.`),
  request_id: string('The id of the log line, also in the header x-request-id.')
}

const OPENAI_ERROR = named(
  'OpenaiError',
  objectOf(
    {
      message: string('The same as detail.'),
      type: string('invalid_request_error, authentication_error, rate_limit_error or server_error.'),
      param: nullable(string('Path of the field at fault.')),
      code: string('The same as code.')
    },
    {},
    "The same error in OpenAI's format."
  )
)

const PROBLEM = named('Problem', objectOf({ ...FIELDS, error: OPENAI_ERROR }, {}, 'An error that RFC 9457 clients and OpenAI clients can both read.'))

/** The error body of POST /v1/rerank for requests with `texts`. */
const TEI_PROBLEM = named(
  'TeiProblem',
  objectOf(
    {
      error: string('The same as detail.'),
      error_type: oneOfWords(['Unhealthy', 'Backend', 'Overloaded', 'Validation', 'Empty'], 'Error class of Text Embeddings Inference.'),
      ...FIELDS
    },
    { param: nullable(string('Path of the field at fault.')) },
    'An error that RFC 9457 clients and clients of Text Embeddings Inference can both read.'
  )
)

/** Most responses of the description are errors: copies of their schema would make it slow to build. */
export const ERROR_SCHEMAS = { Problem: PROBLEM, TeiProblem: TEI_PROBLEM } as const

const referenceTo = (name: keyof typeof ERROR_SCHEMAS): Schema => ({ $ref: `${name}#` })

/** Of every route that requires a key when the service has keys. */
const ANY_REQUEST = ['invalid_request', 'unauthorized', 'too_many_requests', 'rate_limit_exceeded', 'internal_error', 'deadline_exceeded'] as const
const BODY = ['invalid_json', 'invalid_utf8', 'request_timeout', 'body_too_large', 'unsupported_media_type'] as const
/** Why a model could not be loaded. */
const LOADING = [
  'hub_unreachable',
  'hub_refused',
  'hub_not_found',
  'download_corrupt',
  'cache_failed',
  'not_in_cache',
  'model_invalid',
  'model_unsupported',
  'model_too_large',
  'configuration_invalid'
] as const
const MODEL = ['starting', 'engine_unavailable', ...LOADING] as const
const ENGINE = ['queue_full', 'engine_crashed', 'poison_request', 'non_finite_logits', 'scores_mismatched'] as const

const SCORING = [...ANY_REQUEST, ...BODY, 'model_not_found', 'invalid_text', 'token_out_of_range', 'context_length_exceeded', ...MODEL, ...ENGINE] as const

/** Codes that several routes have in common. */
export const ERRORS = {
  listing: [...ANY_REQUEST, ...MODEL],
  body: [...ANY_REQUEST, ...BODY],
  model: [...ANY_REQUEST, ...BODY, 'model_not_found', ...MODEL],
  scoring: SCORING,
  /** Of routes that score y behind x or messages. */
  pairs: [...SCORING, 'empty_completion', 'no_prefix_token', 'no_end_token', 'boundary_not_exact', 'chat_template_failed']
} as const satisfies Readonly<Record<string, readonly ErrorCode[]>>

const DESCRIPTIONS: Readonly<Record<number, string>> = {
  400: 'The request is invalid.',
  401: 'The API key is missing or unknown.',
  404: 'The model, or the resource, does not exist.',
  406: 'The header Accept excludes every media type of the response.',
  408: 'The request did not arrive in time.',
  413: 'The body is too large.',
  415: 'The media type or encoding of the body is not supported.',
  422: 'The request is valid but cannot be scored.',
  424: 'The model failed; only for requests with texts.',
  429: 'The service is overloaded or the client is over its limit; retry after Retry-After seconds.',
  500: 'The service or the model failed.',
  503: 'The service is starting, stopping or restarting its engine; retry after Retry-After seconds.',
  504: 'The request exceeded its deadline.'
}

const RETRY_HEADERS = {
  'retry-after': { ...integer('Time to wait before a retry, in seconds.'), minimum: 1 },
  'retry-after-ms': { ...integer("The same in milliseconds, for OpenAI's clients."), minimum: 0 }
}

/** The responses for these codes, by status. */
export function errorResponses(codes: readonly ErrorCode[]): Record<number, object> {
  return responsesOf(
    codesByStatus(codes, (code) => ERROR_KINDS[code].status),
    () => referenceTo('Problem')
  )
}

/** Those of a route that also answers in the format of Text Embeddings Inference, partly with other statuses. */
export function rerankErrorResponses(codes: readonly ErrorCode[]): Record<number, object> {
  const own = codesByStatus(codes, (code) => ERROR_KINDS[code].status)
  const tei = codesByStatus(codes, (code) => teiErrorOf(code).status)
  const both = codesByStatus(codes, (code) => ERROR_KINDS[code].status)
  for (const [status, added] of tei) both.set(status, [...new Set([...(both.get(status) ?? []), ...added])])
  return responsesOf(both, (status) => (own.has(status) ? { anyOf: [referenceTo('Problem'), referenceTo('TeiProblem')] } : referenceTo('TeiProblem')))
}

type CodesByStatus = Map<number, readonly ErrorCode[]>

function codesByStatus(codes: readonly ErrorCode[], statusOf: (code: ErrorCode) => number): CodesByStatus {
  const byStatus: CodesByStatus = new Map()
  for (const code of new Set(codes)) byStatus.set(statusOf(code), [...(byStatus.get(statusOf(code)) ?? []), code])
  return byStatus
}

function responsesOf(byStatus: CodesByStatus, schemaOf: (status: number) => Schema): Record<number, object> {
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => {
      const description = `${DESCRIPTIONS[status] ?? ''} Codes: ${codes.map((code) => `\`${code}\``).join(', ')}.`
      const headers = status === 429 || status === 503 ? { headers: RETRY_HEADERS } : {}
      return [status, { ...response(description, schemaOf(status), 'application/problem+json'), ...headers }]
    })
  )
}
