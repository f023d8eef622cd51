/**
 * Builders of the JSON Schemas that describe responses. Request schemas are literals, because `FromSchema` derives
 * types from them.
 */

export type Schema = Readonly<Record<string, unknown>>

/** An object with every key of `required` and any of `optional`. */
export function objectOf(required: Readonly<Record<string, Schema>>, optional: Readonly<Record<string, Schema>> = {}, description?: string): Schema {
  return { type: 'object', ...(description === undefined ? {} : { description }), required: Object.keys(required), properties: { ...required, ...optional } }
}

export function arrayOf(items: Schema, description?: string): Schema {
  return { type: 'array', items, ...(description === undefined ? {} : { description }) }
}

export function nullable(schema: Schema): Schema {
  return { anyOf: [schema, { type: 'null' }] }
}

export function number(description?: string): Schema {
  return { type: 'number', ...(description === undefined ? {} : { description }) }
}

export function integer(description?: string): Schema {
  return { type: 'integer', ...(description === undefined ? {} : { description }) }
}

export function string(description?: string): Schema {
  return { type: 'string', ...(description === undefined ? {} : { description }) }
}

export function oneOfWords(words: readonly string[], description?: string): Schema {
  return { type: 'string', enum: words, ...(description === undefined ? {} : { description }) }
}

export function boolean(description?: string): Schema {
  return { type: 'boolean', ...(description === undefined ? {} : { description }) }
}

/** The schema as a component of the API description with this name, which generated clients use for its type. */
export function named(name: string, schema: Schema): Schema {
  return { title: name, ...schema }
}

export function response(description: string, schema: Schema, mediaType = 'application/json'): Schema {
  return { description, content: { [mediaType]: { schema } } }
}
