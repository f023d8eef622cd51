import type { TextOrIds } from '../encoding/logprob-item.ts'
import { ServiceError } from '../errors.ts'

/** What clients send instead of true and false. */
type Flag = boolean | number | null

/** The fields of the body of POST /v1/completions that mean something here; the others are ignored. */
export interface CompletionsBody {
  readonly prompt: PromptField
  readonly max_tokens?: number | null
  readonly echo?: Flag
  readonly logprobs?: number | boolean | null
  readonly prompt_logprobs?: number | null
  readonly add_special_tokens?: boolean | null
  readonly return_tokens_as_token_ids?: boolean | null
  readonly n?: number | null
  readonly best_of?: number | null
  readonly stream?: boolean | null
  readonly suffix?: string | null
  readonly logit_bias?: object | null
  readonly truncate_prompt_tokens?: unknown
  readonly prompt_embeds?: unknown
}

export interface CompletionsOptions {
  /** Tokens to generate. */
  readonly maxTokens: 0 | 1
  readonly echo: boolean
  /** Alternatives to show a token; null shows no log-probabilities. */
  readonly logprobs: number | null
  /** The same for the list of the prompt's own tokens. */
  readonly promptLogprobs: number | null
  /** Whether texts get what the tokenizer's post-processor adds. */
  readonly addSpecialTokens: boolean
  /** Whether tokens are named by their ids, which no two share. */
  readonly tokensAsIds: boolean
}

export interface CompletionsRequest {
  readonly prompts: readonly Prompt[]
  readonly options: CompletionsOptions
}

/**
 * The request that a body means, defaults filled in. Throws `invalid_request` for everything that would need text to be
 * generated, and for a request that nothing could be answered to.
 */
export function completionsRequestOf(body: CompletionsBody): CompletionsRequest {
  refuseGeneration(body)
  const echo = Boolean(body.echo)
  const promptLogprobs = body.prompt_logprobs ?? null
  return {
    prompts: promptsOf(body.prompt),
    options: {
      maxTokens: maxTokensOf(body, echo || promptLogprobs !== null),
      echo,
      logprobs: countOf(body.logprobs),
      promptLogprobs,
      addSpecialTokens: body.add_special_tokens ?? true,
      tokensAsIds: body.return_tokens_as_token_ids ?? false
    }
  }
}

function countOf(logprobs: CompletionsBody['logprobs']): number | null {
  if (typeof logprobs !== 'boolean') return logprobs ?? null
  return logprobs ? 1 : null
}

function maxTokensOf({ max_tokens: maxTokens = null }: CompletionsBody, isScoring: boolean): 0 | 1 {
  if (maxTokens !== null && maxTokens !== 0 && maxTokens !== 1)
    throw invalid('max_tokens', `generation is not supported; max_tokens must be 0 or 1, and ${maxTokens} came`)
  if (maxTokens === 1) return 1
  if (isScoring) return 0
  throw invalid(
    'max_tokens',
    maxTokens === null
      ? 'max_tokens is missing, which means 16 generated tokens, and generation is not supported: send 0 or 1, or echo or prompt_logprobs to score the prompt'
      : 'max_tokens is 0 without echo and without prompt_logprobs, so there is nothing to answer: send echo: true to score the prompt'
  )
}

function refuseGeneration(body: CompletionsBody): void {
  if (body.stream === true) throw invalid('stream', 'streaming is not supported: an answer comes whole; send stream: false')
  for (const field of ['n', 'best_of'] as const) {
    const count = body[field] ?? 1
    if (count !== 1) throw invalid(field, `${field} is ${count}; this service gives one completion a prompt: send 1, or leave it out`)
  }
  if (body.suffix !== undefined && body.suffix !== null && body.suffix !== '')
    throw invalid('suffix', 'text cannot be inserted before a suffix: leave suffix out')
  if (body.logit_bias !== undefined && body.logit_bias !== null && Object.keys(body.logit_bias).length > 0)
    throw invalid('logit_bias', 'log-probabilities are those of the model as it is: leave logit_bias out')
  for (const field of ['truncate_prompt_tokens', 'prompt_embeds'] as const) {
    if (body[field] !== undefined && body[field] !== null)
      throw invalid(field, `${field} would change which tokens are scored, and is not supported: leave it out`)
  }
}

function invalid(param: string, message: string): ServiceError {
  return new ServiceError('invalid_request', message, { param })
}

/** One prompt of a request; `param` is its path there, for error messages. */
interface Prompt {
  readonly param: string
  readonly value: TextOrIds
}

/** The field `prompt` of a body: one text, several, one list of ids, or several. */
export type PromptField = TextOrIds | readonly TextOrIds[]

/**
 * The prompts of a request in order. A list of numbers is one prompt. Throws `invalid_request` for an empty one and for
 * texts beside lists of ids, naming the index.
 */
export function promptsOf(field: PromptField): Prompt[] {
  if (typeof field === 'string') return [{ param: 'prompt', value: field }]
  if (isIds(field)) return [notEmpty({ param: 'prompt', value: field })]
  const prompts = field.map((value, i): Prompt => {
    const param = `prompt/${i}`
    if (typeof value === 'number' || typeof value !== typeof field[0])
      throw invalid(param, `${param} is of another kind than prompt/0: send texts, or lists of token ids, or one list of ids`)
    return notEmpty({ param, value })
  })
  if (prompts.length === 0) throw invalid('prompt', 'prompt is an empty list: send a text, token ids, or a list of either')
  return prompts
}

function isIds(field: readonly (TextOrIds | number)[]): field is readonly number[] {
  return field.length > 0 && field.every((value) => typeof value === 'number')
}

function notEmpty(prompt: Prompt): Prompt {
  // An empty text may still get tokens from the tokenizer's post-processor.
  if (typeof prompt.value !== 'string' && prompt.value.length === 0) throw invalid(prompt.param, `${prompt.param} has no tokens: send at least one`)
  return prompt
}
