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
  readonly verify?: LogprobOptions['verify']
}

/** The options of a request, with defaults for those that it omits. `top_logprobs` implies `detail: tokens`. */
export function logprobOptionsOf(body: RequestedOptions): LogprobOptions {
  const topLogprobs = body.top_logprobs ?? 0
  if (topLogprobs > 0 && body.detail === 'summary') {
    throw new ServiceError('invalid_request', 'top_logprobs needs detail tokens, but detail is summary; set detail to tokens or omit it', {
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
    detail: body.detail ?? (topLogprobs > 0 ? 'tokens' : defaults.detail),
    topLogprobs,
    statistics,
    verify: body.verify ?? defaults.verify
  }
}
