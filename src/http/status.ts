import type { ErrorCode } from '../errors.ts'

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
