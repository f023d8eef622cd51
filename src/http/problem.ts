import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import { type ErrorCode, ServiceError } from '../errors.ts'

/** One error body that RFC 9457 clients and OpenAI clients both read. */
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

/** Headers that go with an error: when to come back, and not to try again what cannot succeed. */
export function problemHeaders({ code, retryAfterSeconds }: ServiceError): Record<string, string> {
  const kind: { readonly status: number; readonly shouldRetry?: boolean } = ERROR_KINDS[code]
  const isPassing = kind.status === 429 || kind.status === 503
  return {
    'content-type': PROBLEM_MEDIA_TYPE,
    ...(isPassing ? { 'retry-after': String(retryAfterSeconds ?? 1) } : {}),
    ...(kind.shouldRetry === false ? { 'x-should-retry': 'false' } : {})
  }
}

interface ErrorKind {
  readonly status: number
  readonly title: string
  /** OpenAI's coarse classes, which its clients switch on. */
  readonly type: 'invalid_request_error' | 'authentication_error' | 'rate_limit_error' | 'server_error'
  /** Sent as x-should-retry where clients would otherwise retry what cannot succeed. */
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

/** The only place that knows HTTP statuses. `satisfies` fails when a code has none. */
export const ERROR_KINDS = {
  invalid_json: invalid(400, 'The body is not valid JSON'),
  invalid_utf8: invalid(400, 'The body is not valid UTF-8'),
  invalid_request: invalid(400, 'The request does not match the schema'),
  invalid_text: invalid(400, 'A text is not well-formed Unicode'),
  token_out_of_range: invalid(400, 'A token id is outside the vocabulary'),
  context_length_exceeded: invalid(400, "The text is longer than the model's context"),
  unauthorized: { status: 401, title: 'An API key is needed', type: 'authentication_error' },
  not_found: invalid(404, 'There is no such resource'),
  model_not_found: invalid(404, 'There is no such model here'),
  method_not_allowed: invalid(405, 'This resource does not take that method'),
  request_timeout: invalid(408, 'The request did not arrive in time'),
  body_too_large: invalid(413, 'The body is too large'),
  unsupported_media_type: invalid(415, 'The body must be application/json'),
  empty_completion: invalid(422, 'There is nothing to score'),
  no_prefix_token: invalid(422, 'The first token has no probability'),
  no_end_token: invalid(422, 'The model has no end-of-sequence token'),
  boundary_merged: invalid(422, 'x and y share a token'),
  boundary_not_exact: invalid(422, 'x and y cannot be tokenized apart'),
  chat_template_failed: invalid(422, 'The messages could not be rendered'),
  too_many_requests: limited('Too many requests are in progress'),
  queue_full: limited('Too much work is waiting'),
  client_closed_request: invalid(499, 'The client closed the connection'),
  non_finite_logits: server(500, 'The model gave a number that is not finite', false),
  scores_mismatched: server(500, 'The numbers that came back belong to other tokens'),
  engine_crashed: server(500, 'The model process ended twice on this request', false),
  internal_error: server(500, 'The service failed'),
  hub_unreachable: server(500, 'The model hub cannot be reached'),
  hub_refused: server(500, 'The model hub refuses access', false),
  hub_not_found: server(500, 'The model hub has no such model', false),
  download_corrupt: server(500, 'A download is not what the model hub listed'),
  cache_failed: server(500, 'The model cache cannot be written', false),
  not_in_cache: server(500, 'The model is not in the cache', false),
  model_invalid: server(500, 'The model cannot be loaded', false),
  model_unsupported: server(500, 'The model is of an unsupported form', false),
  model_too_large: server(500, 'The model does not fit into memory', false),
  configuration_invalid: server(500, 'The configuration is invalid', false),
  starting: server(503, 'The service is starting'),
  engine_unavailable: server(503, 'The model process is not available'),
  deadline_exceeded: server(504, 'The deadline has passed')
} as const satisfies Record<ErrorCode, ErrorKind>

/** Answers what fails before there is a request: a body that does not arrive, bytes that are not HTTP. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) return
  const failure =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? new ServiceError('request_timeout', 'the request did not arrive in time; send the whole body at once')
      : new ServiceError('invalid_request', error.code === 'HPE_HEADER_OVERFLOW' ? 'the request headers are too large' : 'the request is not valid HTTP/1.1')
  const problem = problemOf(failure, randomUUID())
  const body = JSON.stringify(problem)
  socket.end(
    `HTTP/1.1 ${problem.status} ${problem.title}\r\ncontent-type: ${PROBLEM_MEDIA_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nx-request-id: ${problem.request_id}\r\nconnection: close\r\n\r\n${body}`
  )
}
