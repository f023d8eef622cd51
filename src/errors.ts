/** Every failure a caller can see, in the order in which a request meets them. HTTP statuses live in http/ alone. */
export type ErrorCode =
  | 'invalid_json'
  | 'invalid_utf8'
  | 'body_too_large'
  | 'unsupported_media_type'
  | 'request_timeout'
  | 'unauthorized'
  | 'not_found'
  | 'method_not_allowed'
  | 'invalid_request'
  | 'model_not_found'
  | 'invalid_text'
  | 'token_out_of_range'
  | 'context_length_exceeded'
  | 'empty_completion'
  | 'no_prefix_token'
  | 'no_end_token'
  | 'boundary_merged'
  | 'boundary_not_exact'
  | 'chat_template_failed'
  | 'too_many_requests'
  | 'queue_full'
  | 'starting'
  | 'engine_unavailable'
  | 'engine_crashed'
  | 'deadline_exceeded'
  | 'client_closed_request'
  | 'non_finite_logits'
  | 'scores_mismatched'
  | 'hub_unreachable'
  | 'hub_refused'
  | 'hub_not_found'
  | 'download_corrupt'
  | 'cache_failed'
  | 'not_in_cache'
  | 'model_invalid'
  | 'model_unsupported'
  | 'model_too_large'
  | 'configuration_invalid'
  | 'internal_error'

export interface ErrorDetails extends ErrorOptions {
  /** The request field at fault, as a path: `x`, `pairs/3/y`. */
  readonly param?: string
  /** When it makes sense to try again. */
  readonly retryAfterSeconds?: number
}

/**
 * An expected failure; anything else that is thrown is a bug and becomes `internal_error`.
 *
 * Match on `code`, never on `instanceof`: errors that cross a process boundary are rebuilt from `code` and `message`.
 * The message says what was expected and what came, never with text of the request in it.
 */
export class ServiceError extends Error {
  override readonly name = 'ServiceError'
  readonly code: ErrorCode
  readonly param: string | undefined
  readonly retryAfterSeconds: number | undefined

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details)
    this.code = code
    this.param = details.param
    this.retryAfterSeconds = details.retryAfterSeconds
  }
}

/** Whatever was thrown, as a `ServiceError`; unknown failures keep their cause and hide their message. */
export function serviceErrorFrom(thrown: unknown): ServiceError {
  if (thrown instanceof ServiceError) return thrown
  return new ServiceError('internal_error', 'an unexpected failure inside the service; the log has the details', { cause: thrown })
}

/** Whether no scores came because the engine or the queue took no work: that says nothing of the scores themselves. */
export function isEngineAbsence(thrown: unknown): boolean {
  return thrown instanceof ServiceError && ABSENCES.includes(thrown.code)
}

const ABSENCES: readonly ErrorCode[] = ['queue_full', 'engine_unavailable', 'engine_crashed']

/** What `make` gives, or why it could not, so that one failure leaves the others of a list alone. */
export async function orServiceError<T>(make: () => T | Promise<T>): Promise<T | ServiceError> {
  try {
    return await make()
  } catch (error) {
    return serviceErrorFrom(error)
  }
}
