import type { JsonValue } from '../../jinja/template.ts'
import type { Text } from '../../jinja/text.ts'
import type { ChatMessage, ChatWarning, Conversation } from '../tokenizer.ts'
import { REASONING_FIELDS, type TextSource } from './template-values.ts'

/** Fields whose text a model reads; others, such as the id of a call, need not appear in the rendering. */
const RENDERED_FIELDS: readonly string[] = ['content', 'tool_calls', ...REASONING_FIELDS]

const MOST_LISTED = 8

/**
 * What a conversation contains without effect on its rendering. `mentions` says whether the code of the template spells
 * a name; a template that writes a whole message as JSON needs no name.
 */
export function chatWarnings(
  { messages, tools, documents, variables }: Conversation,
  mentions: (name: string) => boolean,
  { text, sources }: { readonly text: Text; readonly sources: readonly TextSource[] }
): ChatWarning[] {
  const rendered = new Set(text.origins.map(({ source }) => keyOf(sources[source])))
  const isRead = (field: string): boolean => namesOf(field).some(mentions)
  const isRendered = (message: number | null, field: string): boolean => namesOf(field).some((name) => rendered.has(keyOf({ message, field: name })))

  const given = Object.entries({ tools, documents }).flatMap(([name, list]) => (list === null || list.length === 0 ? [] : [name]))
  const unread = [...given, ...Object.keys(variables)].filter((name) => !mentions(name) && !isRendered(null, name))
  const warnings = unread.map((name): ChatWarning => {
    const what = given.includes(name) ? name : `chat_template_kwargs.${name}`
    return { code: 'field_ignored', message: `${what} has no effect: the chat template never reads it` }
  })

  const inParts = messages.findIndex(({ content }) => Array.isArray(content))
  if (inParts >= 0 && !mentions('text'))
    warnings.push({
      code: 'parts_not_read',
      message: `content of messages/${inParts} is a list of parts, but the chat template reads no parts and may write the list as Python prints it: send the content as one text`
    })
  for (const [field, owners] of fieldsOf(messages)) {
    const absent = owners.filter((message) => !isRendered(message, field))
    if (absent.length === 0) continue
    const where = listed(absent.map((message) => `messages/${message}`))
    if (!isRead(field)) warnings.push({ code: 'field_ignored', message: `${nameOf(field)} of ${where} has no effect: the chat template never reads it` })
    else if (RENDERED_FIELDS.includes(field))
      warnings.push({ code: 'field_not_rendered', message: `the chat template writes nothing of ${nameOf(field)} of ${where}, so the model does not see it` })
  }
  return warnings
}

function keyOf(source: TextSource | undefined): string {
  return `${source?.message} ${source?.field}`
}

/** Fields with a text, other than the role, with the messages that have them. */
function fieldsOf(messages: readonly ChatMessage[]): Map<string, number[]> {
  const owners = new Map<string, number[]>()
  messages.forEach((message, i) => {
    for (const [field, value] of Object.entries(message)) {
      if (field === 'role' || value === undefined || !hasText(value)) continue
      const own = owners.get(field)
      if (own === undefined) owners.set(field, [i])
      else own.push(i)
    }
  })
  return owners
}

/** Whether a value contains something that a template could write; a blank text is often left out on purpose. */
function hasText(value: JsonValue): boolean {
  if (typeof value === 'string') return value.trim() !== ''
  if (value === null || typeof value === 'boolean') return value === true
  if (typeof value !== 'object' || value instanceof Float64Array) return true
  return Object.values(value).some((each) => each !== undefined && hasText(each))
}

/** The names under which a template may read a field. */
function namesOf(field: string): readonly string[] {
  return REASONING_FIELDS.includes(field) ? REASONING_FIELDS : [field]
}

/** The field as a message may show it: a name, but no text. */
function nameOf(field: string): string {
  return /^\w{1,40}$/.test(field) ? field : 'a field'
}

function listed(places: readonly string[]): string {
  const rest = places.length - MOST_LISTED
  return `${places.slice(0, MOST_LISTED).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
}
