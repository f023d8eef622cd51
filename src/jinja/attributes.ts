import { bind, required } from './arguments.ts'
import { STRING_METHODS } from './string-methods.ts'
import { TemplateError } from './template-error.ts'
import { codePointCount, codePointStarts, Text } from './text.ts'
import { Callable, Dict, isNumber, List, type NamedArguments, Namespace, orElse, typeName, Undefined, type Value } from './values.ts'

const DICT_METHODS: Readonly<Record<string, (dict: Dict, args: readonly Value[], named: NamedArguments) => Value>> = {
  get(dict, args, named) {
    if (named.size > 0) throw new TemplateError('failed', 'dict.get() takes no keyword arguments')
    const [key, absent] = bind('get', args, named, ['key', 'default'])
    return orElse(dict.get(required('get', key)), () => absent ?? null)
  },
  items: (dict) => new List(pairs(dict), 'view'),
  keys: (dict) =>
    new List(
      dict.entries().map(([key]) => key),
      'view'
    ),
  values: (dict) =>
    new List(
      dict.entries().map(([, value]) => value),
      'view'
    )
}

export function pairs(dict: Dict): List[] {
  return dict.entries().map((entry) => new List(entry, 'tuple'))
}

const NAMES_OF = (names: string): ReadonlySet<string> => new Set(names.split(' '))
/** Attributes of Python's types that are no values: what a template gets instead of a key of the same name. */
const STR_ATTRIBUTES = NAMES_OF(
  'capitalize casefold center count encode endswith expandtabs find format format_map index isalnum isalpha isascii isdecimal isdigit ' +
    'isidentifier islower isnumeric isprintable isspace istitle isupper join ljust lower lstrip maketrans partition removeprefix removesuffix ' +
    'replace rfind rindex rjust rpartition rsplit rstrip split splitlines startswith strip swapcase title translate upper zfill'
)
const DICT_ATTRIBUTES = NAMES_OF('clear copy fromkeys get items keys pop popitem setdefault update values')
const LIST_ATTRIBUTES = NAMES_OF('append clear copy count extend index insert pop remove reverse sort')
const OTHER_ATTRIBUTES = NAMES_OF('count index start stop step mapping isdisjoint close send throw real imag numerator denominator conjugate bit_length')
/** jinja2's sandbox refuses these too. */
const CHANGING = NAMES_OF('append clear extend insert pop popitem remove reverse setdefault sort update')

/** Methods that a template may call. The last ones belong to `loop`. */
export const METHOD_NAMES: ReadonlySet<string> = new Set([...Object.keys(STRING_METHODS), ...Object.keys(DICT_METHODS), ...CHANGING, 'cycle'])

/** Python's getattr in the sandbox; undefined without such an attribute. */
function attributeOf(object: Value, name: string): Value | undefined {
  if (object instanceof Text) return STR_ATTRIBUTES.has(name) ? textMethod(object, name) : undefined
  if (object instanceof Dict) {
    const method = DICT_METHODS[name]
    if (DICT_ATTRIBUTES.has(name) && method !== undefined) return new Callable(name, (args, named) => method(object, args, named))
    return DICT_ATTRIBUTES.has(name) ? unusable(name) : undefined
  }
  if (object instanceof Namespace) return object.attributes.get(name)
  if (object instanceof List && object.kind === 'list') return LIST_ATTRIBUTES.has(name) ? unusable(name) : undefined
  const mayHave = object instanceof List || object instanceof Callable || isNumber(object)
  return mayHave && (OTHER_ATTRIBUTES.has(name) || object instanceof Callable) ? unusable(name) : undefined
}

function textMethod(text: Text, name: string): Callable | Undefined {
  const method = STRING_METHODS[name]
  if (method === undefined) return unusable(name)
  return new Callable(name, (args, named) => {
    if (text.isMarkup) throw new TemplateError('unsupported', `.${name}() of a text that the filter safe marked`)
    return method(text, args, named)
  })
}

function unusable(name: string): Callable | Undefined {
  if (CHANGING.has(name)) return new Undefined(`access to attribute '${name}' is unsafe`)
  throw new TemplateError('unsupported', `the attribute .${name}`)
}

/** `object.name`: an attribute, else the item of that key. */
export function getAttribute(object: Value, name: string): Value {
  if (object instanceof Undefined) throw new TemplateError('failed', object.hint)
  const attribute = attributeOf(object, name)
  if (attribute !== undefined) return attribute
  return orElse(object instanceof Dict ? object.getText(name) : undefined, () => missing(object, name))
}

/** `object[key]`: an item, else the attribute of that name. */
export function getItem(object: Value, key: Value): Value {
  if (object instanceof Undefined) throw new TemplateError('failed', object.hint)
  if (object instanceof Dict && !isHashable(key)) return missing(object, null)
  const item = object instanceof Dict ? object.get(key) : itemAt(object, key)
  if (item !== undefined) return item
  const attribute = key instanceof Text ? attributeOf(object, key.value) : undefined
  return orElse(attribute, () => missing(object, key instanceof Text && key.origins.length === 0 ? key.value : null))
}

function isHashable(key: Value): boolean {
  return key === null || key instanceof Text || isNumber(key) || (key instanceof List && key.kind === 'tuple' && key.items.every(isHashable))
}

function itemAt(object: Value, key: Value): Value | undefined {
  if (typeof key !== 'bigint' && typeof key !== 'boolean') return undefined
  const index = Number(key)
  if (object instanceof Text) {
    const at = index < 0 ? index + codePointCount(object.value) : index
    const starts = codePointStarts(object.value)
    if (at < 0 || at >= codePointCount(object.value)) return undefined
    return starts === null ? object.slice(at, at + 1) : object.slice(starts[at] ?? 0, starts[at + 1])
  }
  return object instanceof List && isIndexable(object) ? object.items.at(index) : undefined
}

function isIndexable({ kind }: List): boolean {
  return kind === 'list' || kind === 'tuple' || kind === 'range'
}

const TYPE_NAMES: Readonly<Record<string, string>> = { NoneType: 'None', Namespace: 'Namespace object' }

function missing(object: Value, name: string | null): Undefined {
  const type = typeName(object)
  const owner = TYPE_NAMES[type] ?? `${type} object`
  return new Undefined(name === null ? `${owner} has no such element` : `'${owner}' has no attribute '${name}'`)
}

/** `object[start:stop:step]`. A missing bound is null. */
export function slice(object: Value, bounds: readonly Value[]): Value {
  if (object instanceof Undefined) throw new TemplateError('failed', object.hint)
  const [start, stop, step] = bounds.map((bound) => {
    if (bound === null || typeof bound === 'bigint' || typeof bound === 'boolean') return bound === null ? null : Number(bound)
    throw new TemplateError('failed', 'slice indices must be integers or None')
  })
  if (step === 0) throw new TemplateError('failed', 'slice step cannot be zero')
  if (object instanceof Text) {
    const starts = codePointStarts(object.value) ?? Array.from({ length: object.value.length + 1 }, (_, i) => i)
    const indices = sliced(starts.length - 1, start ?? null, stop ?? null, step ?? 1)
    const [first] = indices
    if (first === undefined) return new Text('')
    if ((step ?? 1) === 1) return object.slice(starts[first] ?? 0, starts[first + indices.length])
    return Text.concat(indices.map((i) => object.slice(starts[i] ?? 0, starts[i + 1])))
  }
  if (object instanceof List && isIndexable(object))
    return new List(
      sliced(object.items.length, start ?? null, stop ?? null, step ?? 1).map((i) => object.items[i] ?? null),
      object.kind
    )
  throw new TemplateError('failed', `'${typeName(object)}' object is not subscriptable`)
}

/** The indices that Python's slice selects among `length`. */
function sliced(length: number, start: number | null, stop: number | null, step: number): number[] {
  const [lowest, highest] = step > 0 ? [0, length] : [-1, length - 1]
  const bounded = (bound: number): number => Math.min(highest, Math.max(lowest, bound < 0 ? bound + length : bound))
  const first = start === null ? (step > 0 ? lowest : highest) : bounded(start)
  const end = stop === null ? (step > 0 ? highest : lowest) : bounded(stop)
  const indices: number[] = []
  for (let i = first; step > 0 ? i < end : i > end; i += step) indices.push(i)
  return indices
}
