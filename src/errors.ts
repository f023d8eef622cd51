/**
 * The code of every error that a caller can see, in the order in which a request meets them. http/problem.ts maps them
 * to statuses.
 */
export type ErrorCode =
  | 'headers_too_large'
  | 'expectation_failed'
  | 'invalid_json'
  | 'invalid_utf8'
  | 'body_too_large'
  | 'unsupported_media_type'
  | 'request_timeout'
  | 'unauthorized'
  | 'not_found'
  | 'method_not_allowed'
  | 'not_acceptable'
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
  | 'rate_limit_exceeded'
  | 'queue_full'
  | 'starting'
  | 'engine_unavailable'
  | 'engine_crashed'
  | 'poison_request'
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
  readonly retryAfterSeconds?: number
}

/**
 * An expected error. Anything else that is thrown is a bug and becomes `internal_error`.
 *
 * Match on `code`: errors that cross a process boundary are rebuilt from `code` and `message`. The message says what is
 * wrong, the limit and the remedy, and never contains text of a request.
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

/**
 * Converts whatever was thrown. An unexpected error becomes the cause, and its message stays hidden from the caller.
 */
export function serviceErrorFrom(thrown: unknown): ServiceError {
  if (thrown instanceof ServiceError) return thrown
  return new ServiceError('internal_error', 'an unexpected error occurred inside the service; its log has the details', { cause: thrown })
}

/** Whether an error means only that nothing was computed, which says nothing about whether scores are right. */
export function isEngineAbsence(thrown: unknown): boolean {
  return thrown instanceof ServiceError && ABSENCES.includes(thrown.code)
}

const ABSENCES: readonly ErrorCode[] = ['queue_full', 'engine_unavailable', 'engine_crashed']

/** Returns the error instead of throwing it, so that one failed item does not fail the others of a list. */
export async function orServiceError<T>(make: () => T | Promise<T>): Promise<T | ServiceError> {
  try {
    return await make()
  } catch (error) {
    return serviceErrorFrom(error)
  }
}
