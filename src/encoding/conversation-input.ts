import { ServiceError } from '../errors.ts'
import type { ChatMessage, Conversation, JsonObject, JsonValue } from '../tokenizer/tokenizer.ts'
import { assertWellFormed } from './well-formed.ts'

/** The fields of a request that describe a conversation: the arguments of transformers' `apply_chat_template`. */
export interface ConversationFields {
  readonly messages?: readonly ChatMessage[]
  readonly add_generation_prompt?: boolean | null
  /** `true` continues the content of the last message, a name another field. */
  readonly continue_final_message?: boolean | string | null
  readonly tools?: readonly JsonObject[] | null
  readonly documents?: readonly JsonObject[] | null
  readonly chat_template_kwargs?: JsonObject | null
}

/** The fields that need `messages`. */
export const MESSAGE_OPTIONS = ['add_generation_prompt', 'continue_final_message', 'tools', 'documents', 'chat_template_kwargs'] as const

/**
 * The conversation of a request. `path` precedes the names of fields in errors. `addGenerationPrompt` is the default,
 * which `continue_final_message` turns off. Throws `invalid_request` or `invalid_text`, naming the field.
 */
export function conversationOf(
  messages: readonly ChatMessage[],
  fields: ConversationFields,
  { path, addGenerationPrompt }: { readonly path: string; readonly addGenerationPrompt: boolean }
): Conversation {
  const continuedField = continuedFieldOf(fields.continue_final_message)
  if (continuedField !== null && fields.add_generation_prompt === true)
    throw invalid(
      `${path}continue_final_message`,
      'continue_final_message and add_generation_prompt exclude each other: the first ends inside the last message, the second begins another one; send one of them'
    )
  messages.forEach((message, i) => {
    checkMessage(message, `${path}messages/${i}`)
  })
  const conversation = {
    messages,
    addGenerationPrompt: fields.add_generation_prompt ?? (continuedField === null && addGenerationPrompt),
    continuedField,
    tools: objects(fields.tools, `${path}tools`),
    documents: objects(fields.documents, `${path}documents`),
    variables: variablesOf(fields.chat_template_kwargs ?? {}, `${path}chat_template_kwargs`)
  }
  for (const field of ['tools', 'documents', 'variables'] as const)
    assertAllWellFormed(conversation[field], `${path}${field === 'variables' ? 'chat_template_kwargs' : field}`)
  return conversation
}

function continuedFieldOf(given: ConversationFields['continue_final_message']): string | null {
  if (typeof given === 'string') return given === '' ? null : given
  return given === true ? 'content' : null
}

function checkMessage(message: ChatMessage, param: string): void {
  for (const [field, value] of Object.entries(message)) {
    const own = /^\w{1,40}$/.test(field) ? `${param}/${field}` : param
    assertAllWellFormed(field, own)
    assertAllWellFormed(value ?? null, own)
  }
  if (!Array.isArray(message.content)) return
  const parts: readonly Partial<Record<string, JsonValue>>[] = message.content
  const index = parts.findIndex(({ type, text }) => type !== 'text' || typeof text !== 'string')
  if (index < 0) return
  throw invalid(
    `${param}/content/${index}`,
    `${param}/content/${index} is not a text part, and only text can be scored: send {"type": "text", "text": "..."}, or the content as one text`
  )
}

function objects(list: readonly JsonObject[] | null | undefined, param: string): readonly JsonObject[] | null {
  if (list === undefined || list === null) return null
  const index = list.findIndex((each) => each instanceof Float64Array)
  if (index >= 0) throw invalid(`${param}/${index}`, `${param}/${index} is a number: send a JSON object`)
  return list
}

export const VARIABLE_NAME = /^[A-Za-z_]\w{0,63}$/

/** Arguments of `apply_chat_template` that are not variables of a template, and the field to send instead. */
const RESERVED: ReadonlyMap<string, string> = new Map([
  ...['messages', ...MESSAGE_OPTIONS].map((name) => [name, `send ${name} as a field of the request`] as const),
  ...['conversation', 'conversations'].map((name) => [name, 'send messages as a field of the request'] as const),
  ...['chat_template'].map((name) => [name, 'start logpr with --chat-template'] as const),
  ...[
    'tokenize',
    'padding',
    'truncation',
    'max_length',
    'return_tensors',
    'return_dict',
    'return_assistant_tokens_mask',
    'sanitize_control_tokens',
    'tokenizer_kwargs'
  ].map((name) => [name, 'leave it out: it is no variable of a template'] as const)
])

/** Names that `chat_template_kwargs` cannot have. */
export const RESERVED_VARIABLES: readonly string[] = [...RESERVED.keys()]

function variablesOf(kwargs: JsonObject, param: string): JsonObject {
  for (const name of Object.keys(kwargs)) {
    if (!VARIABLE_NAME.test(name))
      throw invalid(param, `${param} has a key that is no variable name: use letters, digits and underscores, such as enable_thinking`)
    const advice = RESERVED.get(name)
    if (advice !== undefined) throw invalid(`${param}/${name}`, `${name} is an argument of its own and cannot be in chat_template_kwargs: ${advice}`)
  }
  return kwargs
}

/** Throws `invalid_text` for half of a UTF-16 pair in a text or key. */
function assertAllWellFormed(value: JsonValue, param: string): void {
  if (typeof value === 'string') assertWellFormed(value, param)
  else if (typeof value === 'object' && value !== null && !(value instanceof Float64Array)) {
    for (const [key, each] of Object.entries(value)) {
      assertAllWellFormed(key, param)
      if (each !== undefined) assertAllWellFormed(each, param)
    }
  }
}

function invalid(param: string, message: string): ServiceError {
  return new ServiceError('invalid_request', message, { param })
}

/** The roles and contents of a conversation. */
export function textsOf({ messages }: Conversation): string[] {
  return messages.flatMap(({ role, content }) => [role, ...(typeof content === 'string' ? [content] : (content ?? []).map(({ text }) => text))])
}
