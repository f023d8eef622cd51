import { TemplateError } from './template-error.ts'
import { Text } from './text.ts'
import { type NamedArguments, typeName, type Value } from './values.ts'

/** Assigns arguments to the parameters of a function, as Python does. A parameter without argument is undefined. */
export function bind(what: string, args: readonly Value[], named: NamedArguments, parameters: readonly string[]): (Value | undefined)[] {
  if (args.length > parameters.length) throw new TemplateError('failed', `${what} takes at most ${parameters.length} arguments`)
  for (const name of named.keys()) {
    const at = parameters.indexOf(name)
    if (at < 0) throw new TemplateError('failed', `${what} got an unexpected keyword argument '${name}'`)
    if (at < args.length) throw new TemplateError('failed', `${what} got multiple values for argument '${name}'`)
  }
  return parameters.map((name, i) => args[i] ?? (i < args.length ? null : named.get(name)))
}

export function required(what: string, value: Value | undefined): Value {
  if (value === undefined) throw new TemplateError('failed', `${what} is missing an argument`)
  return value
}

export function requiredText(what: string, value: Value | undefined): Text {
  const given = required(what, value)
  if (given instanceof Text) return given
  throw new TemplateError('failed', `${what} needs a str, not ${typeName(given)}`)
}

/** An index or a count as a number; `absent` without an argument. */
export function integer(what: string, value: Value | undefined, absent: number): number {
  if (value === undefined) return absent
  if (typeof value === 'bigint' || typeof value === 'boolean') return Number(value)
  throw new TemplateError('failed', `${what} needs an int, not ${typeName(value)}`)
}
