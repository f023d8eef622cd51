import { ServiceError } from '../errors.ts'
import { DEFAULT_OPTIONS, type LogprobOptions } from '../logprob/options.ts'
import type { LogprobRequest } from './schemas/logprob-request.ts'

/** The options of a request with the contract's defaults filled in. Top tokens are shown a token, so they imply `tokens`. */
export function logprobOptionsOf(body: LogprobRequest): LogprobOptions {
  const topLogprobs = body.top_logprobs ?? 0
  if (topLogprobs > 0 && body.detail === 'summary') {
    throw new ServiceError('invalid_request', 'top_logprobs shows tokens, but detail is summary: ask for detail tokens, or leave detail out', {
      param: 'top_logprobs'
    })
  }
  const defaults = DEFAULT_OPTIONS
  return {
    boundary: body.boundary ?? defaults.boundary,
    prefixToken: body.prefix_token ?? defaults.prefixToken,
    eos: body.eos ?? defaults.eos,
    parseSpecialTokens: body.parse_special_tokens ?? defaults.parseSpecialTokens,
    onOverflow: body.on_overflow ?? defaults.onOverflow,
    terms: body.terms === undefined ? defaults.terms : new Set(body.terms),
    detail: body.detail ?? (topLogprobs > 0 ? 'tokens' : defaults.detail),
    topLogprobs,
    verify: body.verify ?? defaults.verify
  }
}
