import { globalsAt } from './globals.ts'
import { parseTemplate } from './parse-template.ts'
import { type Rendering, render } from './render.ts'
import type { Body } from './syntax.ts'
import { TemplateError } from './template-error.ts'
import { Text } from './text.ts'
import { Dict, List, type Value } from './values.ts'

/** A JSON value, with numbers as JavaScript has them. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue | undefined }

/**
 * A chat template, rendered as jinja2 renders it in transformers: `trim_blocks`, `lstrip_blocks`, loop controls, the
 * immutable sandbox, and the functions that transformers adds. Anything that it cannot render exactly is refused when
 * it is read.
 */
export class Template {
  readonly #body: Body

  /** Throws `TemplateError`, kinds `syntax` and `unsupported`. */
  constructor(source: string) {
    this.#body = parseTemplate(source)
  }

  /** Throws `TemplateError`. */
  render(variables: Readonly<Record<string, Value>>, now = new Date()): Rendering {
    return render(this.#body, [...globalsAt(now), ...Object.entries(variables)])
  }
}

/**
 * A JSON value as Python reads it. `sourceOf` numbers the texts by their path, to find them in the rendering; null for
 * a text that counts as the template's. A number without a fraction is an int.
 */
export function toValue(json: JsonValue, sourceOf: (path: readonly (string | number)[]) => number | null, path: readonly (string | number)[] = []): Value {
  if (typeof json === 'string') {
    const source = sourceOf(path)
    return source === null ? new Text(json) : Text.from(json, source)
  }
  if (typeof json === 'number') return Number.isInteger(json) ? BigInt(json) : json
  if (json === null || typeof json === 'boolean') return json
  if (isList(json)) return new List(json.map((item, i) => toValue(item, sourceOf, [...path, i])))
  const keys = Object.keys(json)
  if (keys.length > 1 && keys.some((key) => /^\d+$/.test(key)))
    throw new TemplateError('unsupported', 'an object with whole numbers among its keys, whose order JavaScript loses')
  const entries = Object.entries(json).flatMap(([key, value]) => {
    if (value === undefined) return []
    const source = sourceOf([...path, key])
    // A key is a name of the template's as long as the template itself spells it to find the value.
    return [[source === null || path.length < 2 ? new Text(key) : Text.from(key, source), toValue(value, sourceOf, [...path, key])] as const]
  })
  return new Dict(entries)
}

function isList(json: JsonValue): json is readonly JsonValue[] {
  return Array.isArray(json)
}
