import type { EncodedItem } from '../encoding/encoded-item.ts'
import { type ErrorCode, ServiceError } from '../errors.ts'
import type { Normalization } from './normalization.ts'
import type { RerankRequest } from './request.ts'

/** Failures of the service that no document causes. */
const SERVICE_FAILURES = new Set<ErrorCode>(['deadline_exceeded', 'client_closed_request', 'engine_unavailable', 'internal_error'])

const LEFT_ADVICE =
  'truncation on the right is not supported, because it would score part of a text as if it were the whole; truncation_direction left drops the first tokens of x'

/**
 * The error with the path of its document. One document fails the whole request, because a client would read a gap as a
 * low score.
 */
export function documentError(error: ServiceError, document: number, { field, truncation }: Pick<RerankRequest, 'field' | 'truncation'>): ServiceError {
  // Options of the messages, which are the prompt of all documents.
  if (SERVICE_FAILURES.has(error.code) || error.param === 'continue_final_message') return error
  const advice = error.code === 'context_length_exceeded' && truncation === 'right' ? `; ${LEFT_ADVICE}` : ''
  const param = `${field}/${document}`
  return new ServiceError(error.code, `${error.message.startsWith(param) ? '' : `${param}: `}${error.message}${advice}`, { param, cause: error.cause })
}

/** The same for the baseline of a document. */
export function baselineError(
  error: ServiceError,
  document: number,
  request: Pick<RerankRequest, 'field' | 'truncation'> & { readonly normalization: Normalization }
): ServiceError {
  if (error.code === 'no_prefix_token')
    return new ServiceError(
      'no_prefix_token',
      'normalization pmi needs Pr(y) without x, but this model has no prefix token before y: use dc_pmi with a domain_prompt',
      { param: 'normalization' }
    )
  const named = new ServiceError(error.code, `the baseline of ${request.normalization.kind}: ${error.message}`, { cause: error.cause })
  return SERVICE_FAILURES.has(error.code) ? error : documentError(named, document, request)
}

/** Throws `invalid_request` for a text that exceeds a limit of the request, at which other services truncate. */
export function assertWithinLimits({ sizes }: EncodedItem, document: number, { field, direction, limits }: RerankRequest): void {
  const [query, text] = direction === 'document_given_query' ? [sizes.x, sizes.y] : [sizes.y, sizes.x]
  const path = `${field}/${document}`
  assertTokensWithin('max_tokens_per_doc', path, text, { limits })
  assertTokensWithin('max_tokens_per_query', 'query', query, { limits })
  assertTokensWithin('truncate_prompt_tokens', `the query with ${path}`, sizes.prefix + sizes.x + sizes.y, { limits })
}

/** The same for one limit and a text of `tokens` tokens, which `what` names. */
export function assertTokensWithin(limit: keyof RerankRequest['limits'], what: string, tokens: number, { limits }: Pick<RerankRequest, 'limits'>): void {
  const max = limits[limit]
  // -1 means the context of the model, as in vLLM; a longer request fails anyway.
  if (max === null || max < 0 || tokens <= max) return
  throw new ServiceError(
    'invalid_request',
    `${what} has ${tokens} tokens and ${limit} is ${max}, but logpr does not truncate: send a shorter text, or leave ${limit} out`,
    { param: what.split(' ').at(-1) ?? what }
  )
}
