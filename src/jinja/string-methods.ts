import { bind, integer, required, requiredText } from './arguments.ts'
import { capitalize, LINE_END, leadingUnits, title, trailingUnits, WHITE_SPACE } from './python-text.ts'
import { TemplateError } from './template-error.ts'
import { codePointCount, codePointStarts, Text } from './text.ts'
import { isTrue, iterate, List, type NamedArguments, typeName, type Value } from './values.ts'

type Method = (text: Text, args: readonly Value[], named: NamedArguments) => Value

/** The methods of Python's str that templates may call. Positions are code points. */
export const STRING_METHODS: Readonly<Record<string, Method>> = {
  capitalize: changing('capitalize', capitalize),
  endswith: (text, args, named) => affix('endswith', text, args, named, (value, affix) => value.endsWith(affix)),
  find: (text, args, named) => BigInt(found('find', text, args, named, (value, part) => value.indexOf(part))),
  isalnum: testing('isalnum', /^[\p{L}\p{N}]+$/u),
  isalpha: testing('isalpha', /^\p{L}+$/u),
  isdecimal: testing('isdecimal', /^\p{Nd}+$/u),
  isspace: testing('isspace', new RegExp(`^[${WHITE_SPACE}]+$`, 'u')),
  join(text, args, named) {
    const [items] = bind('join', args, named, ['iterable'])
    return text.join(iterate(required('join', items)).map((item) => plain('join', requiredText('join', item))))
  },
  lower: changing('lower', (value) => value.toLowerCase()),
  lstrip: (text, args, named) => strip('lstrip', text, args, named, true, false),
  removeprefix(text, args, named) {
    const prefix = requiredText('removeprefix', bind('removeprefix', args, named, ['prefix'])[0]).value
    return text.value.startsWith(prefix) ? text.slice(prefix.length) : text
  },
  removesuffix(text, args, named) {
    const suffix = requiredText('removesuffix', bind('removesuffix', args, named, ['suffix'])[0]).value
    return suffix !== '' && text.value.endsWith(suffix) ? text.slice(0, text.value.length - suffix.length) : text
  },
  replace(text, args, named) {
    if (named.size > 0) throw new TemplateError('unsupported', '.replace() with named arguments')
    const [old, fresh, count] = bind('replace', args, named, ['old', 'new', 'count'])
    return replaced(text, requiredText('replace', old), requiredText('replace', fresh), integer('replace', count, -1))
  },
  rfind: (text, args, named) => BigInt(found('rfind', text, args, named, (value, part) => value.lastIndexOf(part))),
  rsplit(text, args, named) {
    const [separator, limit] = bind('rsplit', args, named, ['sep', 'maxsplit'])
    const given = requiredText('rsplit', separator)
    const parts = separated('rsplit', text, given, Number.POSITIVE_INFINITY)
    const most = limitOf('rsplit', limit)
    if (parts.length <= most + 1) return new List(parts)
    if (given.value.length > 1 && overlapsItself(given.value)) throw new TemplateError('unsupported', '.rsplit() at a separator that overlaps itself')
    const last = parts.slice(parts.length - most)
    const rest = last.reduce((units, part) => units + part.value.length + given.value.length, 0)
    return new List([text.slice(0, text.value.length - rest), ...last])
  },
  rstrip: (text, args, named) => strip('rstrip', text, args, named, false, true),
  split(text, args, named) {
    const [separator, limit] = bind('split', args, named, ['sep', 'maxsplit'])
    const most = limitOf('split', limit)
    return new List(separator === undefined || separator === null ? words(text, most) : separated('split', text, requiredText('split', separator), most))
  },
  splitlines(text, args, named) {
    const [keepEnds] = bind('splitlines', args, named, ['keepends'])
    return new List(lines(text, keepEnds !== undefined && isTrue(keepEnds)))
  },
  startswith: (text, args, named) => affix('startswith', text, args, named, (value, affix) => value.startsWith(affix)),
  strip: (text, args, named) => strip('strip', text, args, named, true, true),
  title: changing('title', title),
  upper: changing('upper', (value) => value.toUpperCase())
}

/** A text for use where Markup would escape the others. */
function plain(what: string, text: Text): Text {
  if (text.isMarkup) throw new TemplateError('unsupported', `.${what}() of a text that the filter safe marked`)
  return text
}

function changing(name: string, change: (value: string) => string): Method {
  return (text, args, named) => {
    bind(name, args, named, [])
    return text.changedTo(change(text.value))
  }
}

function testing(name: string, pattern: RegExp): Method {
  return (text, args, named) => {
    bind(name, args, named, [])
    return pattern.test(text.value)
  }
}

function strip(what: string, text: Text, args: readonly Value[], named: NamedArguments, atStart: boolean, atEnd: boolean): Text {
  const [given] = bind(what, args, named, ['chars'])
  return stripped(text, given === undefined || given === null ? null : requiredText(what, given).value, atStart, atEnd)
}

/** Without white space at the ends, or without the given characters. */
export function stripped(text: Text, characters: string | null, atStart: boolean, atEnd: boolean): Text {
  const start = atStart ? leadingUnits(text.value, characters) : 0
  const end = atEnd && start < text.value.length ? text.value.length - trailingUnits(text.value, characters) : text.value.length
  return text.slice(start, end)
}

function affix(what: string, text: Text, args: readonly Value[], named: NamedArguments, has: (value: string, affix: string) => boolean): boolean {
  if (args.length > 1) throw new TemplateError('unsupported', `.${what}() with a position`)
  const given = required(what, bind(what, args, named, ['prefix'])[0])
  if (given instanceof Text) return has(text.value, given.value)
  if (given instanceof List && given.kind === 'tuple') return given.items.some((each) => has(text.value, requiredText(what, each).value))
  throw new TemplateError('failed', `${what} first arg must be str or a tuple of str, not ${typeName(given)}`)
}

function found(what: string, text: Text, args: readonly Value[], named: NamedArguments, find: (value: string, part: string) => number): number {
  if (args.length > 1) throw new TemplateError('unsupported', `.${what}() with a position`)
  const at = find(text.value, requiredText(what, bind(what, args, named, ['sub'])[0]).value)
  return at < 0 ? -1 : codePointCount(text.value.slice(0, at))
}

/** With an empty `old`, `fresh` goes in front of every code point and at the end. */
export function replaced(text: Text, old: Text, fresh: Text, count: number): Text {
  const most = count < 0 ? Number.POSITIVE_INFINITY : count
  if (old.value !== '') return fresh.join(text.split(old.value, most))
  const ends = codePointStarts(text.value) ?? Array.from({ length: text.value.length + 1 }, (_, i) => i)
  const taken = ends.slice(0, Math.min(most, ends.length))
  return Text.concat([
    ...taken.flatMap((at, i) => [fresh, text.slice(at, i + 1 < taken.length ? taken[i + 1] : text.value.length)]),
    ...(taken.length === 0 ? [text] : [])
  ])
}

function limitOf(what: string, given: Value | undefined): number {
  const limit = integer(what, given, -1)
  return limit < 0 ? Number.POSITIVE_INFINITY : limit
}

function separated(what: string, text: Text, separator: Text, limit: number): Text[] {
  if (separator.value === '') throw new TemplateError('failed', `${what}: empty separator`)
  return text.split(separator.value, limit)
}

function overlapsItself(text: string): boolean {
  return Array.from(text).some((_, i) => i > 0 && text.startsWith(text.slice(i)))
}

/** Runs of anything but white space; after `limit` of them, the rest. */
function words(text: Text, limit: number): Text[] {
  const parts: Text[] = []
  for (const match of text.value.matchAll(new RegExp(`[^${WHITE_SPACE}]+`, 'gu'))) {
    if (parts.length >= limit) return [...parts, text.slice(match.index)]
    parts.push(text.slice(match.index, match.index + match[0].length))
  }
  return parts
}

export function lines(text: Text, keepsEnds: boolean): Text[] {
  const found: Text[] = []
  let at = 0
  for (const match of text.value.matchAll(LINE_END)) {
    found.push(text.slice(at, match.index + (keepsEnds ? match[0].length : 0)))
    at = match.index + match[0].length
  }
  return at < text.value.length ? [...found, text.slice(at)] : found
}
