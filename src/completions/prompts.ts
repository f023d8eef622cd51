import { ServiceError } from '../errors.ts'
import type { TextOrIds } from '../logprob/options.ts'

/** One prompt of a request; `param` is its path there, for error messages. */
export interface Prompt {
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

function invalid(param: string, message: string): ServiceError {
  return new ServiceError('invalid_request', message, { param })
}
