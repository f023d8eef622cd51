import { type JsonValue, toValue } from '../../jinja/template.ts'
import type { Value } from '../../jinja/values.ts'
import type { ChatMessage, Conversation } from '../tokenizer.ts'

/** The field that a text of a conversation comes from; `message` is null for tools, documents and variables. */
export interface TextSource {
  readonly message: number | null
  readonly field: string
}

/** Names of the thinking of a message. Templates read the first one, and those of gpt-oss the second. */
export const REASONING_FIELDS: readonly string[] = ['reasoning_content', 'thinking', 'reasoning']

type Message = Readonly<Record<string, JsonValue>>

/**
 * The messages as transformers 5 hands them to a template: without fields that are null, and with the thinking under
 * the names that templates read.
 */
export function preparedMessages(messages: readonly ChatMessage[]): Message[] {
  return messages.map((message) => {
    const fields: Record<string, JsonValue> = {}
    for (const [name, value] of Object.entries(message)) if (value !== null && value !== undefined) fields[name] = value
    const reasoning = REASONING_FIELDS.map((name) => fields[name]).find((value) => value !== undefined)
    return reasoning === undefined ? fields : { thinking: reasoning, ...fields, reasoning_content: reasoning }
  })
}

/** Numbers the texts of a conversation by their field: first the content of each message, then others as they come. */
class Sources {
  readonly list: TextSource[]
  readonly #ids = new Map<string, number>()

  constructor(messageCount: number) {
    this.list = Array.from({ length: messageCount }, (_, message) => ({ message, field: 'content' }))
  }

  /** Of a message without a role: templates write roles between control tokens of their own. */
  ofMessage([message, field]: readonly (string | number)[], isKey: boolean): number | null {
    if (typeof message !== 'number' || typeof field !== 'string') return this.of(null, 'messages')
    if (isKey) return this.of(message, 'keys')
    if (field === 'role') return null
    return field === 'content' ? message : this.of(message, field)
  }

  of(message: number | null, field: string): number {
    const key = `${message} ${field}`
    const known = this.#ids.get(key)
    if (known !== undefined) return known
    this.list.push({ message, field })
    this.#ids.set(key, this.list.length - 1)
    return this.list.length - 1
  }
}

/** The variables of a template, and what the texts in them come from. `tokens` are the special tokens by name. */
export function templateValues(
  conversation: Conversation,
  messages: readonly Message[],
  tokens: Readonly<Record<string, JsonValue>>
): { readonly values: Readonly<Record<string, Value>>; readonly sources: readonly TextSource[] } {
  const { tools, documents, variables, addGenerationPrompt } = conversation
  const sources = new Sources(messages.length)
  const given = { ...variables, tools, documents }
  const own = Object.entries({ ...tokens, add_generation_prompt: addGenerationPrompt }).map(([name, value]) => [name, toValue(value, () => null)] as const)
  const others = Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [[name, toValue(value, () => sources.of(null, name))] as const]))
  const chat = toValue(messages, (path, isKey) => sources.ofMessage(path, isKey))
  return { values: { ...Object.fromEntries([...own, ...others]), messages: chat }, sources: sources.list }
}
