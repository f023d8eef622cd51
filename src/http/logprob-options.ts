import { ServiceError } from '../errors.ts'
import { type LogprobOptions, TERMS } from '../logprob/options.ts'
import type { LogprobRequest } from './schemas/logprob-request.ts'

/** The options of a request with the contract's defaults filled in. Top tokens are shown a token, so they imply `tokens`. */
export function logprobOptionsOf(body: LogprobRequest): LogprobOptions {
  const topLogprobs = body.top_logprobs ?? 0
  if (topLogprobs > 0 && body.detail === 'summary') {
    throw new ServiceError('invalid_request', 'top_logprobs shows tokens, but detail is summary: ask for detail tokens, or leave detail out', {
      param: 'top_logprobs'
    })
  }
  return {
    boundary: body.boundary ?? 'auto',
    prefixToken: body.prefix_token ?? 'auto',
    eos: body.eos ?? 'none',
    parseSpecialTokens: body.parse_special_tokens ?? false,
    onOverflow: body.on_overflow ?? 'error',
    terms: new Set(body.terms ?? TERMS),
    detail: body.detail ?? (topLogprobs > 0 ? 'tokens' : 'summary'),
    topLogprobs,
    verify: body.verify ?? 'standard'
  }
}
