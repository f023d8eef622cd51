import { ServiceError } from '../../errors.ts'
import { leadingUnits, stripEnd, trailingUnits } from '../../jinja/python-text.ts'
import type { JsonValue } from '../../jinja/template.ts'
import type { Text } from '../../jinja/text.ts'
import { REASONING_FIELDS } from './template-values.ts'

/** What transformers puts at the end of the text to continue, to find that end in the rendering. */
const TAG = 'CONTINUE_FINAL_MESSAGE_TAG '

type Message = Readonly<Record<string, JsonValue>>

/** Messages whose last one is tagged at the end of the field to continue, and the text of that field. */
interface Tagged {
  readonly messages: readonly Message[]
  readonly text: string
}

/**
 * Tags the last message as transformers 5 does for `continue_final_message`. Throws `chat_template_failed` if
 * there is no text to continue.
 */
export function taggedMessages(messages: readonly Message[], field: string, templateSource: string): Tagged {
  const last = messages.at(-1)
  const value = last?.[field]
  if (last === undefined || value === undefined)
    throw refused(`the last message has no ${nameOf(field)} to continue: send one, or leave continue_final_message out`)
  // Thinking is handed over under several names; the template may read any of them.
  const fields = REASONING_FIELDS.includes(field) ? REASONING_FIELDS.filter((name) => last[name] === value) : [field]
  if (!fields.some((name) => templateSource.includes(name)))
    throw refused(`the chat template does not read ${nameOf(field)}, so it cannot be continued: continue content, or leave continue_final_message out`)
  if (typeof value === 'string')
    return { messages: [...messages.slice(0, -1), { ...last, ...Object.fromEntries(fields.map((name) => [name, value + TAG])) }], text: value }
  const parts = Array.isArray(value) ? (value as readonly JsonValue[]) : []
  const index = parts.findLastIndex((part) => textOf(part) !== null)
  const text = textOf(parts[index] ?? null)
  if (text === null) throw refused(`${nameOf(field)} of the last message has no text to continue: send a text, or leave continue_final_message out`)
  const tagged = parts.map((part, i) => (i === index ? { ...(part as Message), text: text + TAG } : part))
  return { messages: [...messages.slice(0, -1), { ...last, [field]: tagged }], text }
}

function textOf(part: JsonValue): string | null {
  return typeof part === 'object' && part !== null && 'text' in part && typeof part.text === 'string' ? part.text : null
}

/**
 * The rendering up to the end of the continued text. Throws `chat_template_failed` if the template does not
 * write that text.
 */
export function cutAtTag(rendered: Text, continued: string): Text {
  const end = rendered.value.lastIndexOf(TAG.trimEnd())
  if (end < 0 || !rendered.value.includes(stripped(continued)))
    throw refused('continue_final_message is set, but the chat template does not write the last message as it was sent: leave continue_final_message out')
  const before = rendered.slice(0, end)
  // A template that strips contents took the space of the tag, and with it the white space at the end of the text.
  return rendered.value.startsWith(TAG, end) ? before : before.slice(0, before.value.length - trailingUnits(before.value, null))
}

function stripped(text: string): string {
  return stripEnd(text).slice(leadingUnits(text, null))
}

/** The field as a message may show it: a name, but no text. */
function nameOf(field: string): string {
  return /^\w{1,40}$/.test(field) ? field : 'such a field'
}

function refused(message: string): ServiceError {
  return new ServiceError('chat_template_failed', message, { param: 'continue_final_message' })
}
