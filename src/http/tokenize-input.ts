import { ServiceError } from '../errors.ts'
import type { TokenizeInput } from '../tokenizer/text-tokenizer.ts'
import type { TokenizeBody } from './schemas/tokenize-request.ts'

/** Fields of vLLM that would change the rendering: to ignore them would answer with other ids than were asked for. */
const UNSUPPORTED = ['continue_final_message', 'chat_template', 'chat_template_kwargs', 'tools'] as const

/** What a body of POST /tokenize asks for. Throws `invalid_request` or `invalid_text`, naming the field. */
export function tokenizeInputOf(body: TokenizeBody): TokenizeInput {
  const { prompt, messages, add_special_tokens, add_generation_prompt = true } = body
  if ((prompt === undefined) === (messages === undefined))
    throw new ServiceError('invalid_request', 'send either prompt, a text, or messages, a conversation', {
      param: prompt === undefined ? 'prompt' : 'messages'
    })
  if (prompt !== undefined) {
    needWellFormed(prompt, 'prompt')
    return { text: prompt, addSpecialTokens: add_special_tokens ?? true }
  }
  if (add_special_tokens === true) {
    throw new ServiceError('invalid_request', 'add_special_tokens is for prompt: in messages the chat template writes the control tokens; leave it out', {
      param: 'add_special_tokens'
    })
  }
  for (const param of UNSUPPORTED) {
    if (isSet(body[param]))
      throw new ServiceError('invalid_request', `${param} is not supported: the conversation is rendered by the model's own chat template`, { param })
  }
  for (const [i, { role, content }] of (messages ?? []).entries()) for (const text of [role, content]) needWellFormed(text, `messages/${i}`)
  return { messages: messages ?? [], addGenerationPrompt: add_generation_prompt }
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && value !== '' && (typeof value !== 'object' || Object.keys(value).length > 0)
}

function needWellFormed(text: string, param: string): void {
  if (text.isWellFormed()) return
  throw new ServiceError(
    'invalid_text',
    `${param} holds a lone surrogate (half of a UTF-16 pair), which no tokenizer can represent; check how the text was cut or decoded`,
    { param }
  )
}
