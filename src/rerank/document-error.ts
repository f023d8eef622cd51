import type { EncodedItem } from '../encoding/encoded-item.ts'
import { type ErrorCode, ServiceError } from '../errors.ts'
import type { RerankRequest } from './request.ts'

/** Failures of the service, which no document is the cause of. */
const NOT_OF_A_DOCUMENT = new Set<ErrorCode>(['deadline_exceeded', 'client_closed_request', 'engine_unavailable', 'internal_error'])

const RIGHT = `truncate with truncation_direction right would score a part of a text as if it were the whole, which is not done here; truncation_direction left leaves out the first tokens of x`

/** The same error, naming the document: a list with a gap would be taken for a low score, so the whole request fails. */
export function documentError(error: ServiceError, document: number, { field, truncation }: RerankRequest): ServiceError {
  if (NOT_OF_A_DOCUMENT.has(error.code)) return error
  const advice = error.code === 'context_length_exceeded' && truncation === 'right' ? `; ${RIGHT}` : ''
  const param = `${field}/${document}`
  return new ServiceError(error.code, `${error.message.startsWith(param) ? '' : `${param}: `}${error.message}${advice}`, { param, cause: error.cause })
}

/** The same for the pass that a document is compared with. */
export function baselineError(error: ServiceError, document: number, request: RerankRequest): ServiceError {
  if (error.code === 'no_prefix_token')
    return new ServiceError(
      'no_prefix_token',
      'normalization pmi needs Pr(y) without x, and this model has no prefix token for y to begin after; use dc_pmi with a domain_prompt',
      { param: 'normalization' }
    )
  const named = new ServiceError(error.code, `the baseline of ${request.normalization.kind}: ${error.message}`, { cause: error.cause })
  return NOT_OF_A_DOCUMENT.has(error.code) ? error : documentError(named, document, request)
}

/**
 * Refuses what another service would have cut at a limit of the request. Throws `invalid_request` with both numbers.
 */
export function refuseOverLimits({ sizes }: EncodedItem, document: number, { field, direction, limits }: RerankRequest): void {
  const [query, text] = direction === 'document_given_query' ? [sizes.x, sizes.y] : [sizes.y, sizes.x]
  const path = `${field}/${document}`
  refuse('max_tokens_per_doc', path, text)
  refuse('max_tokens_per_query', 'query', query)
  refuse('truncate_prompt_tokens', `the query with ${path}`, sizes.prefix + sizes.x + sizes.y)

  function refuse(limit: keyof typeof limits, what: string, tokens: number): void {
    const most = limits[limit]
    // vLLM's -1 means the model's context, beyond which the request fails anyway.
    if (most === null || most < 0 || tokens <= most) return
    throw new ServiceError(
      'invalid_request',
      `${what} has ${tokens} tokens and ${limit} is ${most}: texts are not cut here; send a shorter text or leave ${limit} out`,
      { param: what === 'query' ? what : path }
    )
  }
}
