import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { ErrorCode, ServiceError } from '../errors.ts'

/** An error body that RFC 9457 clients and OpenAI clients can both read. */
interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: string
  readonly request_id: string
  readonly error: { readonly message: string; readonly type: string; readonly param: string | null; readonly code: string }
}

const PROBLEM_MEDIA_TYPE = 'application/problem+json; charset=utf-8'

export function problemOf({ code, message, param }: ServiceError, requestId: string): Problem {
  const { status, title, type } = ERROR_KINDS[code]
  return {
    type: `urn:logpr:error:${code}`,
    title,
    status,
    detail: message,
    code,
    request_id: requestId,
    error: { message, type, param: param ?? null, code }
  }
}

/** Headers that tell a client whether and when to retry. */
export function problemHeaders({ code, retryAfterSeconds }: ServiceError): Record<string, string> {
  const kind: { readonly status: number; readonly shouldRetry?: boolean } = ERROR_KINDS[code]
  const isTemporary = kind.status === 429 || kind.status === 503
  return {
    'content-type': PROBLEM_MEDIA_TYPE,
    ...(kind.status === 401 ? { 'www-authenticate': 'Bearer realm="logpr"' } : {}),
    ...(isTemporary ? retryHeaders(retryAfterSeconds ?? 1) : {}),
    ...(kind.shouldRetry === false ? { 'x-should-retry': 'false' } : {})
  }
}

/** Longest time that a client is asked to wait, in seconds. */
const MAX_RETRY_SECONDS = 60

/**
 * The time to wait, whole seconds for everyone and milliseconds for OpenAI's clients. It varies by a fifth, so that
 * clients that were refused together do not return together.
 */
function retryHeaders(seconds: number): Record<string, string> {
  const jittered = Math.min(MAX_RETRY_SECONDS, seconds * (0.8 + 0.4 * Math.random()))
  return { 'retry-after': String(Math.max(1, Math.round(jittered))), 'retry-after-ms': String(Math.round(jittered * 1000)) }
}

interface ErrorKind {
  readonly status: number
  readonly title: string
  /** OpenAI's error class, which its clients switch on. */
  readonly type: 'invalid_request_error' | 'authentication_error' | 'rate_limit_error' | 'server_error'
  /** false sends `x-should-retry: false`, because OpenAI's clients retry every 500 by default. */
  readonly shouldRetry?: boolean
}

const invalid = (status: number, title: string): ErrorKind => ({ status, title, type: 'invalid_request_error' })
const limited = (title: string): ErrorKind => ({ status: 429, title, type: 'rate_limit_error' })
const server = (status: number, title: string, shouldRetry?: boolean): ErrorKind => ({
  status,
  title,
  type: 'server_error',
  ...(shouldRetry === undefined ? {} : { shouldRetry })
})

/** Status, title and class of every error code; no other place maps codes to statuses. */
export const ERROR_KINDS = {
  invalid_json: invalid(400, 'The body is not valid JSON'),
  invalid_utf8: invalid(400, 'The body is not valid UTF-8'),
  invalid_request: invalid(400, 'The request does not match the schema'),
  invalid_text: invalid(400, 'A text is not well-formed Unicode'),
  token_out_of_range: invalid(400, 'A token id is outside the vocabulary'),
  context_length_exceeded: invalid(400, "The sequence exceeds the model's context length"),
  unauthorized: { status: 401, title: 'The API key is missing or unknown', type: 'authentication_error' },
  not_found: invalid(404, 'The resource does not exist'),
  model_not_found: invalid(404, 'The model is not served here'),
  method_not_allowed: invalid(405, 'The resource does not support this method'),
  not_acceptable: invalid(406, 'No media type of the response is acceptable'),
  request_timeout: invalid(408, 'The request did not arrive in time'),
  body_too_large: invalid(413, 'The body is too large'),
  unsupported_media_type: invalid(415, 'The media type or encoding of the body is not supported'),
  expectation_failed: invalid(417, 'The expectation cannot be met'),
  empty_completion: invalid(422, 'The completion is empty'),
  no_prefix_token: invalid(422, 'The first token has no log-probability'),
  no_end_token: invalid(422, 'The model has no end-of-sequence token'),
  boundary_merged: invalid(422, 'x and y share a token'),
  boundary_not_exact: invalid(422, 'x and y cannot be tokenized separately'),
  chat_template_failed: invalid(422, 'The chat template could not render the messages'),
  headers_too_large: invalid(431, 'The request headers are too large'),
  too_many_requests: limited('Too many requests are in progress'),
  rate_limit_exceeded: limited('The client exceeded its rate limit'),
  queue_full: limited('The queue is full'),
  client_closed_request: invalid(499, 'The client closed the connection'),
  non_finite_logits: server(500, 'The model returned a non-finite number', false),
  scores_mismatched: server(500, 'The engine returned scores of other tokens'),
  engine_crashed: server(500, 'The engine process crashed twice on this request', false),
  poison_request: server(500, 'A sequence of this request crashes the engine process', false),
  internal_error: server(500, 'The service failed unexpectedly'),
  hub_unreachable: server(500, 'The model hub cannot be reached'),
  hub_refused: server(500, 'The model hub denied access', false),
  hub_not_found: server(500, 'The model hub has no such model', false),
  download_corrupt: server(500, 'A downloaded file differs from the listing of the model hub'),
  cache_failed: server(500, 'The model cache cannot be written', false),
  not_in_cache: server(500, 'The model is not in the cache', false),
  model_invalid: server(500, 'The model cannot be loaded', false),
  model_unsupported: server(500, 'The model has an unsupported format', false),
  model_too_large: server(500, 'The model does not fit into memory', false),
  configuration_invalid: server(500, 'The configuration is invalid', false),
  starting: server(503, 'The service is starting'),
  engine_unavailable: server(503, 'The engine is not available'),
  deadline_exceeded: server(504, 'The request exceeded its deadline')
} as const satisfies Record<ErrorCode, ErrorKind>

interface TeiError {
  readonly status: number
  readonly errorType: 'Unhealthy' | 'Backend' | 'Overloaded' | 'Validation' | 'Empty'
}

/** Errors that have another status in Text Embeddings Inference. */
const TEI_ERRORS: Readonly<Partial<Record<ErrorCode, TeiError>>> = {
  empty_completion: { status: 400, errorType: 'Empty' },
  engine_crashed: { status: 424, errorType: 'Backend' },
  poison_request: { status: 424, errorType: 'Backend' },
  non_finite_logits: { status: 424, errorType: 'Backend' },
  scores_mismatched: { status: 424, errorType: 'Backend' }
}

/** Status and class of an error in Text Embeddings Inference. */
export function teiErrorOf(code: ErrorCode): TeiError {
  const known = TEI_ERRORS[code]
  if (known !== undefined) return known
  const { status } = ERROR_KINDS[code]
  if (status === 429) return { status, errorType: 'Overloaded' }
  if (status === 503) return { status, errorType: 'Unhealthy' }
  if (status >= 500) return { status, errorType: 'Backend' }
  return { status: status === 400 ? 422 : status, errorType: 'Validation' }
}

/** A whole HTTP response, for sockets without a response object. */
export function problemText(error: ServiceError): string {
  const problem = problemOf(error, randomUUID())
  const body = JSON.stringify(problem)
  const headers = {
    ...problemHeaders(error),
    'content-length': String(Buffer.byteLength(body)),
    'x-request-id': problem.request_id,
    connection: 'close'
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n${lines.join('')}\r\n${body}`
}
