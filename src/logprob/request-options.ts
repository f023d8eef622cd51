import { DEFAULT_OPTIONS, type LogprobOptions, type Term } from '../encoding/logprob-item.ts'
import { ServiceError } from '../errors.ts'
import { type Statistic, statisticOptionsOf } from '../statistics/statistics.ts'

/** The fields of POST /v1/logprob that say how to score. */
export interface RequestedOptions {
  readonly boundary?: LogprobOptions['boundary']
  readonly prefix_token?: LogprobOptions['prefixToken']
  readonly eos?: LogprobOptions['eos']
  readonly parse_special_tokens?: boolean
  readonly on_overflow?: LogprobOptions['onOverflow']
  readonly terms?: readonly Term[]
  readonly detail?: LogprobOptions['detail']
  readonly top_logprobs?: number
  readonly statistics?: readonly Statistic[]
  readonly min_k_percent?: number
  readonly format?: LogprobOptions['format']
  readonly verify?: LogprobOptions['verify']
}

/** More top tokens than these are answered as arrays only: as an object, each takes some 100 bytes. */
export const MAX_TOP_OBJECTS = 20

/**
 * The options of a request, with defaults for those that it omits. As objects, `top_logprobs` implies `detail: tokens`.
 * Throws `invalid_request`.
 */
export function logprobOptionsOf(body: RequestedOptions, format = body.format ?? DEFAULT_OPTIONS.format): LogprobOptions {
  const topLogprobs = body.top_logprobs ?? 0
  const implied = format === 'objects' && topLogprobs > 0 ? 'tokens' : DEFAULT_OPTIONS.detail
  if (format === 'arrays' && body.detail === 'words') {
    throw new ServiceError('invalid_request', 'words are answered as objects only: set format to objects or omit it', { param: 'format' })
  }
  if (format === 'objects' && topLogprobs > MAX_TOP_OBJECTS) {
    throw new ServiceError(
      'invalid_request',
      `top_logprobs is above ${MAX_TOP_OBJECTS}, which needs format arrays: set format to arrays, or top_logprobs to at most ${MAX_TOP_OBJECTS}`,
      { param: 'top_logprobs' }
    )
  }
  if (format === 'objects' && topLogprobs > 0 && body.detail !== undefined && body.detail !== 'tokens') {
    throw new ServiceError('invalid_request', `top_logprobs needs detail tokens, but detail is ${body.detail}; set detail to tokens or omit it`, {
      param: 'top_logprobs'
    })
  }
  const statistics = statisticOptionsOf(body.statistics, body.min_k_percent)
  const terms = body.terms === undefined ? DEFAULT_OPTIONS.terms : new Set(body.terms)
  if (statistics !== null && !terms.has('conditional') && !terms.has('joint'))
    throw new ServiceError('invalid_request', 'statistics are those of y, which terms marginal does not score: add conditional to terms, or omit it', {
      param: 'statistics'
    })
  const defaults = DEFAULT_OPTIONS
  return {
    boundary: body.boundary ?? defaults.boundary,
    prefixToken: body.prefix_token ?? defaults.prefixToken,
    eos: body.eos ?? defaults.eos,
    parseSpecialTokens: body.parse_special_tokens ?? defaults.parseSpecialTokens,
    onOverflow: body.on_overflow ?? defaults.onOverflow,
    terms,
    detail: body.detail ?? implied,
    topLogprobs,
    statistics,
    format,
    verify: body.verify ?? defaults.verify
  }
}
