import { globalsAt } from './globals.ts'
import { type ParsedTemplate, parseTemplate } from './parse-template.ts'
import { type Rendering, render } from './render.ts'
import { TemplateError } from './template-error.ts'
import { Text } from './text.ts'
import { Dict, List, type Value } from './values.ts'

/**
 * A JSON value. A number without a fraction is an int of Python; a float such as 1.0 is a Float64Array of one number,
 * and an int beyond 2^53 a bigint (`keepNumberKinds` in json/number-kinds.ts).
 */
export type JsonValue = null | boolean | number | bigint | Float64Array | string | readonly JsonValue[] | JsonObject
export interface JsonObject {
  readonly [key: string]: JsonValue | undefined
}

/**
 * A chat template, rendered as jinja2 renders it in transformers: `trim_blocks`, `lstrip_blocks`, loop controls, the
 * immutable sandbox, and the functions that transformers adds. Anything that it cannot render exactly is refused when
 * it is read.
 */
export class Template {
  readonly source: string
  /** Whether it has `{% generation %}` blocks, which mark what the model writes. */
  readonly hasGenerations: boolean
  readonly #parsed: ParsedTemplate

  /** Throws `TemplateError`, kinds `syntax` and `unsupported`. */
  constructor(source: string) {
    this.source = source
    this.hasGenerations = /\{%-?\s*generation\s*-?%\}/.test(source)
    this.#parsed = parseTemplate(source)
  }

  /** Whether the code of the template spells this name, as a variable, an attribute or a text. */
  mentions(name: string): boolean {
    return this.#parsed.words.has(name)
  }

  /** Throws `TemplateError`. */
  render(variables: Readonly<Record<string, Value>>, now = new Date()): Rendering {
    return render(this.#parsed.body, [...globalsAt(now), ...Object.entries(variables)])
  }
}

/** What a text of the conversation comes from, by its path; null for a text that counts as the template's. */
export type SourceOf = (path: readonly (string | number)[], isKey: boolean) => number | null

/** A JSON value as Python reads it. `sourceOf` numbers its texts and keys, to find them in the rendering. */
export function toValue(json: JsonValue, sourceOf: SourceOf, path: readonly (string | number)[] = []): Value {
  if (typeof json === 'string') return textOf(json, sourceOf(path, false))
  if (typeof json === 'number') return Number.isInteger(json) ? BigInt(json) : json
  if (json === null || typeof json === 'boolean' || typeof json === 'bigint') return json
  if (json instanceof Float64Array) return json[0] ?? null
  if (isList(json)) return new List(json.map((item, i) => toValue(item, sourceOf, [...path, i])))
  const keys = Object.keys(json)
  if (keys.length > 1 && keys.some((key) => /^\d+$/.test(key)))
    throw new TemplateError('unsupported', 'an object with whole numbers among its keys, whose order JavaScript loses')
  const entries = Object.entries(json).flatMap(([key, value]) => {
    if (value === undefined) return []
    const inner = [...path, key]
    return [[textOf(key, sourceOf(inner, true)), toValue(value, sourceOf, inner)] as const]
  })
  return new Dict(entries)
}

function textOf(text: string, source: number | null): Text {
  return source === null ? new Text(text) : Text.from(text, source)
}

function isList(json: JsonValue): json is readonly JsonValue[] {
  return Array.isArray(json)
}
