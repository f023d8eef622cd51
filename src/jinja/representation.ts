import { TemplateError } from './template-error.ts'
import { Text } from './text.ts'
import { Dict, isNumber, List, typeName, Undefined, type Value } from './values.ts'

/** Python's str. */
export function str(value: Value): Text {
  if (value instanceof Text) return value
  if (value instanceof Undefined) return new Text('')
  return repr(value)
}

/** Python's repr. */
function repr(value: Value): Text {
  if (value === null) return new Text('None')
  if (typeof value === 'boolean') return new Text(value ? 'True' : 'False')
  if (typeof value === 'bigint') return new Text(value.toString())
  if (typeof value === 'number') return new Text(floatRepr(value))
  if (value instanceof Text && !value.isMarkup) return value.changedTo(textRepr(value.value))
  if (value instanceof Undefined) return new Text('Undefined')
  if (value instanceof Dict) {
    const entries = value.entries().map(([key, item]) => Text.concat([repr(key), new Text(': '), repr(item)]))
    return Text.concat([new Text('{'), new Text(', ').join(entries), new Text('}')])
  }
  if (value instanceof List && (value.kind === 'list' || value.kind === 'tuple')) {
    const items = new Text(', ').join(value.items.map(repr))
    const [open, close] = value.kind === 'list' ? ['[', ']'] : ['(', value.items.length === 1 ? ',)' : ')']
    return Text.concat([new Text(open), items, new Text(close)])
  }
  throw new TemplateError('unsupported', `the text of a ${typeName(value)}`)
}

function floatRepr(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  if (Object.is(value, -0)) return '-0.0'
  const [digits = '', exponent = '0'] = value.toExponential().split('e')
  const power = Number(exponent)
  if (power < -4 || power >= 16) return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
  return Number.isInteger(value) ? `${BigInt(value)}.0` : decimal(value, power)
}

/** JavaScript writes 0.00001 as 1e-5 only below Python's own limit, so its notation serves here. */
function decimal(value: number, power: number): string {
  return power < 0 && String(value).includes('e') ? value.toFixed(20).replace(/0+$/, '') : String(value)
}

const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}\p{Zs}]/u
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' }

function textRepr(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  const escaped = [...text].map((character) => {
    const short = SHORT[character] ?? (character === quote ? `\\${quote}` : undefined)
    if (short !== undefined) return short
    if (character === ' ' || !UNPRINTABLE.test(character)) return character
    const code = (character.codePointAt(0) ?? 0).toString(16)
    if (code.length <= 2) return `\\x${code.padStart(2, '0')}`
    return code.length <= 4 ? `\\u${code.padStart(4, '0')}` : `\\U${code.padStart(8, '0')}`
  })
  return quote + escaped.join('') + quote
}

export interface JsonOptions {
  readonly ensureAscii: boolean
  /** What one level is indented by; null writes one line. */
  readonly indent: string | null
  readonly itemSeparator: string
  readonly keySeparator: string
  readonly sortKeys: boolean
}

/** Python's json.dumps. The punctuation is the template's; strings keep their origin. */
export function toJson(value: Value, options: JsonOptions, depth = 0): Text {
  if (value === null) return new Text('null')
  if (typeof value === 'boolean') return new Text(String(value))
  if (typeof value === 'number') return new Text(jsonFloat(value))
  if (typeof value === 'bigint') return new Text(value.toString())
  if (value instanceof Text) return value.changedTo(jsonText(value.value, options.ensureAscii))
  if (value instanceof Dict) {
    const entries = options.sortKeys ? sortedEntries(value) : value.entries()
    const written = entries.map(([key, item]) => Text.concat([jsonKey(key, options), new Text(options.keySeparator), toJson(item, options, depth + 1)]))
    return bracketed('{', written, '}', options, depth)
  }
  if (value instanceof List && (value.kind === 'list' || value.kind === 'tuple'))
    return bracketed(
      '[',
      value.items.map((item) => toJson(item, options, depth + 1)),
      ']',
      options,
      depth
    )
  throw new TemplateError('failed', `Object of type ${typeName(value)} is not JSON serializable`)
}

function bracketed(open: string, items: readonly Text[], close: string, { indent, itemSeparator }: JsonOptions, depth: number): Text {
  if (items.length === 0) return new Text(open + close)
  const line = (level: number): string => (indent === null ? '' : `\n${indent.repeat(level)}`)
  const separator = new Text(itemSeparator + line(depth + 1))
  return Text.concat([new Text(open + line(depth + 1)), separator.join(items), new Text(line(depth) + close)])
}

function jsonFloat(value: number): string {
  if (Number.isFinite(value)) return floatRepr(value)
  return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity'
}

function jsonKey(key: Value, options: JsonOptions): Text {
  if (key instanceof Text) return toJson(key, options)
  if (key === null || isNumber(key)) return Text.concat([new Text('"'), toJson(key, options), new Text('"')])
  throw new TemplateError('failed', `keys must be str, int, float, bool or None, not ${typeName(key)}`)
}

function sortedEntries(dict: Dict): (readonly [Value, Value])[] {
  const entries = dict.entries()
  if (!entries.every(([key]) => key instanceof Text && /^[\0-\ud7ff\ue000-\uffff]*$/.test(key.value)))
    throw new TemplateError('unsupported', 'tojson(sort_keys=true) with these keys')
  return entries.sort(([a], [b]) => (str(a).value < str(b).value ? -1 : 1))
}

const JSON_SHORT: Readonly<Record<string, string>> = { '"': '\\"', '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\b': '\\b', '\f': '\\f' }

function jsonText(text: string, ensureAscii: boolean): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: JSON escapes exactly these.
  const escaped = ensureAscii ? /["\\]|[^ -~]/g : /["\\\x00-\x1f]/g
  return `"${text.replaceAll(escaped, (unit) => JSON_SHORT[unit] ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)}"`
}
