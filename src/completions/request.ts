import type { TextOrIds } from '../encoding/logprob-item.ts'
import { ServiceError } from '../errors.ts'

/** Clients send booleans, numbers and null for a flag. */
type Flag = boolean | number | null

/** The fields of the body of POST /v1/completions that logpr reads; it ignores all others. */
export interface CompletionsBody extends UnsupportedFields {
  readonly prompt: PromptField
  readonly max_tokens?: number | null
  readonly echo?: Flag
  readonly logprobs?: number | boolean | null
  readonly prompt_logprobs?: number | null
  readonly add_special_tokens?: boolean | null
  readonly return_tokens_as_token_ids?: boolean | null
}

/** Fields that need text generation or change what is scored. */
export interface UnsupportedFields {
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
  /** Top tokens to show per position; null shows no log-probabilities. */
  readonly logprobs: number | null
  /** The same for `prompt_logprobs`, the list of the prompt tokens. */
  readonly promptLogprobs: number | null
  /** Whether the tokenizer's post-processor adds its tokens to texts. */
  readonly addSpecialTokens: boolean
  /** Whether tokens are named `token_id:N`, because two tokens may have the same text. */
  readonly tokensAsIds: boolean
}

export interface CompletionsRequest {
  readonly prompts: readonly Prompt[]
  readonly options: CompletionsOptions
}

/**
 * Reads a body and fills in the defaults. Throws `invalid_request` for options that need text generation, and for a
 * request without any result.
 */
export function completionsRequestOf(body: CompletionsBody): CompletionsRequest {
  rejectUnsupported(body)
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
    throw invalid('max_tokens', `generation is not supported; max_tokens must be 0 or 1, got ${maxTokens}`)
  if (maxTokens === 1) return 1
  if (isScoring) return 0
  throw invalid(
    'max_tokens',
    maxTokens === null
      ? 'max_tokens is missing, which means 16 generated tokens, and generation is not supported: send 0 or 1, or echo or prompt_logprobs to score the prompt'
      : 'max_tokens is 0 without echo and without prompt_logprobs, so there is nothing to return: send echo: true to score the prompt'
  )
}

/** Throws `invalid_request`, naming the field. */
export function rejectUnsupported(body: UnsupportedFields): void {
  if (body.stream === true) throw invalid('stream', 'streaming is not supported: send stream: false')
  for (const field of ['n', 'best_of'] as const) {
    const count = body[field] ?? 1
    if (count !== 1) throw invalid(field, `${field} is ${count}, but logpr returns one completion per prompt: send 1, or leave it out`)
  }
  if (body.suffix !== undefined && body.suffix !== null && body.suffix !== '')
    throw invalid('suffix', 'inserting text before a suffix is not supported: leave suffix out')
  if (body.logit_bias !== undefined && body.logit_bias !== null && Object.keys(body.logit_bias).length > 0)
    throw invalid('logit_bias', 'logpr returns the unchanged log-probabilities of the model: leave logit_bias out')
  for (const field of ['truncate_prompt_tokens', 'prompt_embeds'] as const) {
    if (body[field] !== undefined && body[field] !== null)
      throw invalid(field, `${field} would change which tokens are scored, and is not supported: leave it out`)
  }
}

function invalid(param: string, message: string): ServiceError {
  return new ServiceError('invalid_request', message, { param })
}

/** One prompt; `param` is its path in the request, for error messages. */
interface Prompt {
  readonly param: string
  readonly value: TextOrIds
}

/** The field `prompt` of a body: one text, several, one list of ids, or several. */
export type PromptField = TextOrIds | readonly TextOrIds[]

/**
 * The prompts of a request, in order. A list of numbers is one prompt. Throws `invalid_request` for an empty prompt and
 * for a mixture of texts and lists of ids, naming the index.
 */
export function promptsOf(field: PromptField): Prompt[] {
  if (typeof field === 'string') return [{ param: 'prompt', value: field }]
  if (isIds(field)) return [notEmpty({ param: 'prompt', value: field })]
  const firstOther = field.findIndex((value) => typeof value !== typeof field[0])
  const prompts = field.map((value, i): Prompt => {
    if (typeof value === 'number' || firstOther !== -1) {
      const mixed = `prompt/${firstOther}`
      throw invalid(mixed, `${mixed} is of a different type than prompt/0: send only texts, only lists of token ids, or one list of ids`)
    }
    return notEmpty({ param: `prompt/${i}`, value })
  })
  if (prompts.length === 0) throw invalid('prompt', 'prompt is an empty list: send a text, token ids, or a list of either')
  return prompts
}

function isIds(field: readonly (TextOrIds | number)[]): field is readonly number[] {
  return field.length > 0 && field.every((value) => typeof value === 'number')
}

function notEmpty(prompt: Prompt): Prompt {
  // The tokenizer's post-processor may add tokens to an empty text.
  if (typeof prompt.value !== 'string' && prompt.value.length === 0) throw invalid(prompt.param, `${prompt.param} has no tokens: send at least one`)
  return prompt
}
