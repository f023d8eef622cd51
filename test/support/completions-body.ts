import assert from 'node:assert/strict'
import type { Asked } from './asked.ts'

/** The fields of a /v1/completions response that tests use. */
export interface CompletionsAnswerBody {
  readonly id: string
  readonly object: string
  readonly created: number
  readonly model: string
  readonly choices: readonly ChoiceBody[]
  readonly usage: Readonly<Record<'prompt_tokens' | 'completion_tokens' | 'total_tokens' | 'computed_tokens' | 'cached_tokens', number>>
  readonly logpr: {
    readonly checks: { readonly verdict: string; readonly items: readonly { readonly id: string; readonly choice: number }[] }
    readonly warnings: readonly { readonly code: string }[]
    readonly stamp: Readonly<Record<string, unknown>>
  }
}

export interface ChoiceBody {
  readonly index: number
  readonly text: string
  readonly finish_reason: string
  readonly logprobs: LogprobsBody | null
  readonly prompt_logprobs?: readonly (Readonly<Record<string, { readonly logprob: number; readonly rank: number; readonly decoded_token: string }>> | null)[]
}

export interface LogprobsBody {
  readonly tokens: readonly string[]
  readonly token_logprobs: readonly (number | null)[]
  readonly top_logprobs: readonly (Readonly<Record<string, number>> | null)[]
  readonly text_offset: readonly number[]
}

/** The body of a response, which must have status 200. */
export async function completionsOf(service: Asked, body: object): Promise<CompletionsAnswerBody> {
  const response = await service.post('/v1/completions', body)
  assert.equal(response.status, 200, await response.clone().text())
  return (await response.json()) as CompletionsAnswerBody
}

/** The only choice, which must have logprobs. */
export async function onlyChoice(service: Asked, body: object): Promise<ChoiceBody & { readonly logprobs: LogprobsBody }> {
  const { choices } = await completionsOf(service, body)
  const [choice] = choices
  assert.ok(choices.length === 1 && choice !== undefined && choice.logprobs !== null)
  return { ...choice, logprobs: choice.logprobs }
}
