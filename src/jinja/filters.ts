import { bind, integer, required, requiredText } from './arguments.ts'
import { capitalize, WHITE_SPACE } from './python-text.ts'
import { type JsonOptions, str, toJson } from './representation.ts'
import { type Filter, lazy, pathItem, SEQUENCE_FILTERS } from './sequence-filters.ts'
import { lines, replaced, stripped } from './string-methods.ts'
import { TemplateError } from './template-error.ts'
import { codePointCount, Text } from './text.ts'
import { Dict, isNumber, isTrue, iterate, List, type NamedArguments, orElse, typeName, Undefined, type Value } from './values.ts'

const WORD_START = new RegExp(`([-${WHITE_SPACE}({[<]+)`, 'u')

const standard: Filter = (value, args, named) => {
  const [fallback = new Text(''), isBoolean = false] = bind('default', args, named, ['default_value', 'boolean'])
  return value instanceof Undefined || (isTrue(isBoolean) && !isTrue(value)) ? fallback : value
}

const length: Filter = (value, args, named) => {
  bind('length', args, named, [])
  if (value instanceof Text) return BigInt(codePointCount(value.value))
  if (value instanceof Dict) return BigInt(value.size)
  if (value instanceof Undefined) return 0n
  if (value instanceof List && value.kind !== 'generator') return BigInt(value.items.length)
  throw new TemplateError('failed', `object of type '${typeName(value)}' has no len()`)
}

const changing =
  (name: string, change: (text: string) => string): Filter =>
  (value, args, named) => {
    bind(name, args, named, [])
    const text = str(value)
    return text.changedTo(change(text.value))
  }

/** jinja2's filters, with `tojson` of transformers. */
export const FILTERS: Readonly<Record<string, Filter>> = {
  ...SEQUENCE_FILTERS,
  abs(value) {
    if (!isNumber(value)) throw new TemplateError('failed', `bad operand type for abs(): '${typeName(value)}'`)
    const number = typeof value === 'boolean' ? BigInt(value) : value
    return number < 0 ? -number : number
  },
  capitalize: changing('capitalize', capitalize),
  count: length,
  d: standard,
  default: standard,
  float(value, args, named) {
    const number = numberOf(value)
    return number === null ? orElse(bind('float', args, named, ['default'])[0], () => 0) : Number(number)
  },
  indent(value, args, named) {
    const [width = 4n, first = false, blank = false] = bind('indent', args, named, ['width', 'first', 'blank'])
    if (!(value instanceof Text)) throw new TemplateError('failed', `indent needs a str, not ${typeName(value)}`)
    return indented(str(value), width instanceof Text ? width : new Text(' '.repeat(integer('indent', width, 4))), isTrue(first), isTrue(blank))
  },
  int(value, args, named) {
    if (args.length > 1 || named.has('base')) throw new TemplateError('unsupported', 'the filter int with a base')
    const number = numberOf(value)
    if (number === null || !Number.isFinite(Number(number))) return orElse(bind('int', args, named, ['default'])[0], () => 0n)
    return typeof number === 'bigint' ? number : BigInt(Math.trunc(number))
  },
  length,
  lower: changing('lower', (text) => text.toLowerCase()),
  map(value, args, named) {
    if (args.length === 0) {
      const [attribute, standard] = bind('map', args, named, ['attribute', 'default'])
      const path = required('map', attribute)
      return lazy(value, (items) => items.map((item) => orDefault(pathItem(item, path), standard)))
    }
    const filter = filterNamed(requiredText('map', args[0]).value)
    return lazy(value, (items) => items.map((item) => filter(item, args.slice(1), named)))
  },
  replace(value, args, named) {
    const [old, fresh, count] = bind('replace', args, named, ['old', 'new', 'count'])
    const text = str(value)
    if (text.isMarkup) throw new TemplateError('unsupported', 'the filter replace behind safe')
    return replaced(text, str(required('replace', old)), str(required('replace', fresh)), count === null ? -1 : integer('replace', count, -1))
  },
  safe(value) {
    const text = str(value)
    return new Text(text.value, text.origins, true)
  },
  string: (value) => str(value),
  title: changing('title', (text) =>
    text
      .split(WORD_START)
      .map((part) => {
        const [first = ''] = part
        return first.toUpperCase() + part.slice(first.length).toLowerCase()
      })
      .join('')
  ),
  tojson: (value, args, named) => toJson(value, jsonOptions(args, named)),
  trim(value, args, named) {
    const [characters] = bind('trim', args, named, ['chars'])
    return stripped(str(value), characters === undefined || characters === null ? null : str(characters).value, true, true)
  },
  upper: changing('upper', (text) => text.toUpperCase())
}

function jsonOptions(args: readonly Value[], named: NamedArguments): JsonOptions {
  const [ensureAscii = false, indent = null, separators = null, sortKeys = false] = bind('tojson', args, named, [
    'ensure_ascii',
    'indent',
    'separators',
    'sort_keys'
  ])
  const given = separators === null ? [] : iterate(separators).map((each) => str(each).value)
  if (separators !== null && given.length !== 2) throw new TemplateError('failed', 'tojson needs two separators')
  return {
    ensureAscii: isTrue(ensureAscii),
    indent: indent === null ? null : indent instanceof Text ? indent.value : ' '.repeat(Math.max(0, integer('tojson', indent, 0))),
    itemSeparator: given[0] ?? (indent === null ? ', ' : ','),
    keySeparator: given[1] ?? ': ',
    sortKeys: isTrue(sortKeys)
  }
}

/** Numbers as Python reads them, written with ASCII digits; null for anything else. */
function numberOf(value: Value): bigint | number | null {
  if (isNumber(value)) return typeof value === 'boolean' ? BigInt(value) : value
  if (value instanceof Undefined) throw new TemplateError('failed', value.hint)
  if (!(value instanceof Text)) return null
  const text = stripped(value, null, true, true).value
  if (/[^\0-\x7f]/.test(text) && /\p{Nd}/u.test(text)) throw new TemplateError('unsupported', 'the filters int and float of digits outside ASCII')
  if (/^[+-]?\d(?:_?\d)*$/.test(text)) return BigInt(text.replace(/^\+/, '').replaceAll('_', ''))
  const isFloat = /^[+-]?(?:\d(?:_?\d)*\.?(?:\d(?:_?\d)*)?|\.\d(?:_?\d)*)(?:[eE][+-]?\d(?:_?\d)*)?$/.test(text)
  if (isFloat) return Number(text.replaceAll('_', ''))
  if (!/^[+-]?(?:inf|infinity|nan)$/i.test(text)) return null
  return /nan/i.test(text) ? Number.NaN : text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
}

/** An indented line stays as it is if it is empty, unless `blank`. */
function indented(text: Text, indention: Text, first: boolean, blank: boolean): Text {
  // jinja2 appends a line end, so that a last one is kept.
  const all = lines(Text.concat([text, new Text('\n')]), false)
  const separator = new Text('\n')
  const rest = all.slice(1).map((line) => (blank || line.value !== '' ? Text.concat([indention, line]) : line))
  const whole = separator.join([...all.slice(0, 1), ...rest])
  return first ? Text.concat([indention, whole]) : whole
}

function filterNamed(name: string): Filter {
  const filter = Object.hasOwn(FILTERS, name) ? FILTERS[name] : undefined
  if (filter === undefined) throw new TemplateError('unsupported', 'a filter whose name the template computes')
  return filter
}

function orDefault(value: Value, standard: Value | undefined): Value {
  return value instanceof Undefined && standard !== undefined && standard !== null ? standard : value
}
