/** The fields of a /v1/logprob response that tests use. */
export interface LogprobBody {
  readonly object: string
  readonly results: readonly LogprobResultBody[]
  readonly usage: Readonly<Record<'prompt_tokens' | 'completion_tokens' | 'total_tokens' | 'computed_tokens' | 'cached_tokens', number>>
  readonly stamp: Readonly<Record<string, unknown>>
}

export interface LogprobResultBody {
  readonly index: number
  readonly id: string | null
  readonly candidate: number
  readonly log_prob: { readonly joint?: number | null; readonly marginal?: number | null; readonly conditional?: number | null }
  readonly log_prob_eos?: number
  readonly counts: { readonly x: Counts; readonly y: Counts }
  readonly normalized: { readonly per_token: number; readonly bits_per_byte: number; readonly perplexity: number }
  readonly is_greedy: boolean
  readonly boundary: {
    readonly policy: string
    readonly merged: boolean
    readonly straddling_token?: { readonly id: number; readonly text: string }
    readonly scored?: { readonly x: string; readonly y: string }
  }
  readonly checks: {
    readonly verdict: string
    readonly items: readonly {
      readonly id: string
      readonly status: string
      readonly independent: boolean
      readonly value: number | null
      readonly message: string
    }[]
  }
  readonly tokens?: readonly TokenBody[]
  readonly warnings: readonly { readonly code: string; readonly message: string }[]
  readonly error?: { readonly code: string; readonly message: string }
}

interface TokenBody {
  readonly part: string
  readonly id: number
  readonly text: string
  readonly bytes: string
  readonly byte_start: number | null
  readonly byte_end: number | null
  readonly char_start: number | null
  readonly char_end: number | null
  readonly log_prob: number | null
  readonly rank: number | null
  readonly entropy: number | null
  readonly top?: readonly { readonly id: number; readonly log_prob: number }[]
}

interface Counts {
  readonly tokens: number
  readonly chars: number
  readonly bytes: number
}

export interface ProblemBody {
  readonly status: number
  readonly code: string
  readonly detail: string
  readonly request_id: string
  readonly error: { readonly message: string; readonly param: string | null; readonly code: string }
}

/** Parses a body without validation; the tests check the fields that they use. */
export async function logprobBody(response: Response): Promise<LogprobBody> {
  return (await response.json()) as LogprobBody
}

export async function problemBody(response: Response): Promise<ProblemBody> {
  return (await response.json()) as ProblemBody
}
