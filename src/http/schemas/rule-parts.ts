import { RESERVED_VARIABLES, VARIABLE_NAME } from '../../encoding/conversation-input.ts'
import type { Schema } from './json-schema.ts'

/** Parts of the rules in field-rules.ts. */

export const has = (...fields: readonly string[]): Schema => ({ required: fields })
export const anyOf = (...schemas: readonly Schema[]): Schema => ({ anyOf: schemas })
export const allOf = (...schemas: readonly Schema[]): Schema => ({ allOf: schemas })
export const not = (schema: Schema): Schema => ({ not: schema })
export const lacks = (...fields: readonly string[]): Schema => not(anyOf(...fields.map((field) => has(field))))
export const field = (name: string, schema: Schema): Schema => ({ properties: { [name]: schema } })
/** The field is there with a value that the schema allows. */
export const hasWith = (name: string, schema: Schema): Schema => ({ ...has(name), ...field(name, schema) })
export const rule = (description: string, schema: Schema): Schema => ({ description, ...schema })

/** One of several forms: each is a list of fields that belong together, and excludes those of the others. */
export function oneForm(description: string, ...forms: readonly (readonly string[])[]): Schema {
  const all = [...new Set(forms.flat())]
  return { description, oneOf: forms.map((form) => allOf(has(...form), lacks(...all.filter((name) => !form.includes(name))))) }
}

export const TEXT: Schema = { type: 'string' }
export const listOf = (items: Schema): Schema => ({ type: 'array', minItems: 1, items })
export const IDS: Schema = listOf({ type: 'integer' })
export const OUTPUTS = listOf({ type: ['string', 'array'] })

const ONE_OUTPUT = anyOf(TEXT, IDS, { type: 'array', maxItems: 1 })
const HAS_TEXT = anyOf(has('messages'), hasWith('x', TEXT), hasWith('y', anyOf(TEXT, { type: 'array', items: TEXT })))
/** An item that is alone in its request, so that its error is that of the request. */
export const LONE_ITEM_WITH_TEXT = allOf(HAS_TEXT, hasWith('y', ONE_OUTPUT))

const TEXT_PARTS: Schema = { items: { required: ['type', 'text'], properties: { type: { const: 'text' }, text: TEXT } } }
export const MESSAGE_RULES = [
  rule('Only text can be scored.', field('messages', { items: field('content', anyOf(not({ type: 'array' }), TEXT_PARTS)) })),
  rule(
    'continue_final_message and add_generation_prompt exclude each other.',
    not(allOf(hasWith('add_generation_prompt', { const: true }), hasWith('continue_final_message', anyOf({ const: true }, { ...TEXT, minLength: 1 }))))
  ),
  rule(
    'A key of chat_template_kwargs is the name of a variable, and no other argument of apply_chat_template.',
    field('chat_template_kwargs', { propertyNames: { pattern: VARIABLE_NAME.source, ...not({ enum: RESERVED_VARIABLES }) } })
  )
]

/** Messages and their options in a request that may have a text instead of them. */
export const conversationRules = (options: readonly string[]): Schema[] => [
  ...MESSAGE_RULES,
  rule(
    'Only messages have options of a chat template.',
    anyOf(has('messages'), { properties: Object.fromEntries(options.map((name) => [name, { type: 'null' }])) })
  )
]
