import { type ConversationFields, conversationOf } from '../encoding/conversation-input.ts'
import { ServiceError } from '../errors.ts'
import { templateJsonReader } from '../json/parse.ts'
import type { ChatMessage, Conversation, JsonObject, JsonValue } from '../tokenizer/tokenizer.ts'
import { type CompletionsOptions, rejectUnsupported, type UnsupportedFields } from './request.ts'

/** The fields of the body of POST /v1/chat/completions that logpr reads. */
export interface ChatBody extends ConversationFields, UnsupportedFields {
  readonly messages: readonly ChatMessage[]
  readonly max_tokens?: number | null
  readonly max_completion_tokens?: number | null
  readonly echo?: boolean | null
  readonly logprobs?: boolean | null
  readonly top_logprobs?: number | null
  readonly prompt_logprobs?: number | null
  readonly return_tokens_as_token_ids?: boolean | null
  readonly reasoning_effort?: string | null
  readonly chat_template?: string | null
  readonly add_special_tokens?: boolean | null
  readonly functions?: unknown
}

export interface ChatRequest {
  readonly conversation: Conversation
  /** The text of the last message, which `echo` returns. */
  readonly answerText: string
  /** Whether the last message is continued although the request does not say so. */
  readonly continuesByDefault: boolean
  readonly options: CompletionsOptions
}

const GENERATION =
  'generation is not supported: append the answer to score as the last message, with role assistant, and send echo: true and logprobs: true; or send max_tokens: 1 to get the most probable next token'

/**
 * Reads a body and fills in the defaults. If the last message is the assistant's, it is the answer to score, so the
 * rendering stops at its end unless the request says otherwise. Throws `invalid_request` or `invalid_text`.
 */
export function chatRequestOf(body: ChatBody): ChatRequest {
  rejectUnsupported(body)
  rejectOthers(body)
  const echo = body.echo === true
  const promptLogprobs = body.prompt_logprobs ?? null
  const answer = body.messages.at(-1)
  if (echo && answer?.role !== 'assistant')
    throw invalid('echo', "echo returns the last message, which is not the assistant's here: append the answer to score with role assistant, or leave echo out")
  if (echo && contentText(answer).trim() === '')
    throw invalid('messages', 'the last message has no content, so echo has nothing to score: send its text as content, or use prompt_logprobs')

  const isOpen = body.add_generation_prompt == null && body.continue_final_message == null
  const continuesByDefault = isOpen && answer?.role === 'assistant' && contentText(answer).trim() !== ''
  const closesAnswer = isOpen && answer?.role === 'assistant' && !continuesByDefault
  const fields: ConversationFields = {
    ...body,
    ...(continuesByDefault ? { continue_final_message: true } : {}),
    ...(closesAnswer ? { add_generation_prompt: false } : {}),
    ...(body.reasoning_effort == null ? {} : { chat_template_kwargs: { reasoning_effort: body.reasoning_effort, ...body.chat_template_kwargs } })
  }
  return {
    conversation: conversationOf(withParsedArguments(body.messages), fields, { path: '', addGenerationPrompt: true }),
    answerText: contentText(answer),
    continuesByDefault,
    options: {
      maxTokens: maxTokensOf(body, echo || promptLogprobs !== null),
      echo,
      logprobs: logprobsOf(body),
      promptLogprobs,
      addSpecialTokens: false,
      tokensAsIds: body.return_tokens_as_token_ids ?? false
    }
  }
}

function maxTokensOf(body: ChatBody, isScoring: boolean): 0 | 1 {
  const given = (['max_completion_tokens', 'max_tokens'] as const).filter((field) => body[field] != null)
  for (const field of given) if (body[field] !== 0 && body[field] !== 1) throw invalid(field, `${field} is ${body[field]} and may be 0 or 1: ${GENERATION}`)
  const [field = 'max_tokens'] = given
  if (body[field] === 1) return 1
  if (isScoring) return 0
  throw invalid(
    field,
    `${given.length === 0 ? `${field} is missing` : `${field} is 0 without echo and without prompt_logprobs`}, so there is nothing to score, and ${GENERATION}`
  )
}

function logprobsOf({ logprobs, top_logprobs: top }: ChatBody): number | null {
  if (logprobs === true) return top ?? 0
  if (top != null && top > 0) throw invalid('top_logprobs', 'top_logprobs needs logprobs: true: send both, or leave top_logprobs out')
  return null
}

function rejectOthers(body: ChatBody): void {
  if (body.chat_template != null && body.chat_template !== '')
    throw invalid('chat_template', 'only the chat template of the model is used: leave chat_template out, or start logpr with --chat-template')
  if (body.add_special_tokens === true)
    throw invalid('add_special_tokens', 'the chat template writes the special tokens of a conversation: leave add_special_tokens out')
  if (body.functions != null) throw invalid('functions', 'functions is no longer supported: send tools')
}

/** The text of a message as the response echoes it. */
function contentText(message: ChatMessage | undefined): string {
  const content = message?.content ?? ''
  return typeof content === 'string' ? content : content.map(({ text }) => text ?? '').join('')
}

/**
 * The messages with the arguments of tool calls as objects. OpenAI's clients send them as JSON text, and chat templates
 * expect objects; vLLM parses them too. Throws `invalid_request`, `invalid_json` or `body_too_large`, naming the call.
 */
function withParsedArguments(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  const read = templateJsonReader()
  return messages.map((message, i) => {
    const calls = message.tool_calls
    if (message.role !== 'assistant' || !Array.isArray(calls)) return message
    return { ...message, tool_calls: calls.map((call: JsonValue, j) => parsedCall(call, `messages/${i}/tool_calls/${j}`, read)) }
  })
}

function parsedCall(call: JsonValue, param: string, read: (text: string) => unknown): JsonValue {
  const details = isObject(call) ? call.function : undefined
  if (!isObject(call) || !isObject(details))
    throw new ServiceError('invalid_request', `${param} has no object function: send {"type": "function", "function": {"name": ..., "arguments": ...}}`, {
      param
    })
  return { ...call, function: { ...details, arguments: parsedArguments(details.arguments, `${param}/function/arguments`, read) } }
}

function parsedArguments(given: JsonValue | undefined, param: string, read: (text: string) => unknown): JsonValue {
  if (given === undefined || given === null || given === '') return {}
  if (typeof given !== 'string') return given
  try {
    return read(given) as JsonValue
  } catch (error) {
    if (error instanceof ServiceError) throw new ServiceError(error.code, `${param} cannot be read: ${error.message}`, { param })
    if (!(error instanceof SyntaxError)) throw error
    // The message of the parser quotes the text.
    throw new ServiceError('invalid_request', `${param} is a text that is not valid JSON: send a JSON object, as text or as it is`, { param })
  }
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Float64Array)
}

function invalid(param: string, message: string): ServiceError {
  return new ServiceError('invalid_request', message, { param })
}
