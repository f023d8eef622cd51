import { bind, required, requiredText } from './arguments.ts'
import { getItem, pairs } from './attributes.ts'
import { arithmetic } from './operators.ts'
import { str } from './representation.ts'
import { TemplateError } from './template-error.ts'
import { runTest } from './tests.ts'
import { Text } from './text.ts'
import { characters, compare, Dict, hashKey, isTrue, iterate, List, type NamedArguments, orElse, typeName, Undefined, type Value } from './values.ts'

export type Filter = (value: Value, args: readonly Value[], named: NamedArguments) => Value

/** jinja2's filters of sequences. */
export const SEQUENCE_FILTERS: Readonly<Record<string, Filter>> = {
  dictsort(value, args, named) {
    const [isCaseSensitive = false, by = new Text('key'), reverse = false] = bind('dictsort', args, named, ['case_sensitive', 'by', 'reverse'])
    if (!(value instanceof Dict)) throw new TemplateError('failed', `'${typeName(value)}' object has no attribute 'items'`)
    const at = str(by).value === 'key' ? 0 : 1
    return new List(sorted(pairs(value), isTrue(isCaseSensitive), isTrue(reverse), (pair) => (pair instanceof List ? (pair.items[at] ?? null) : pair)))
  },
  first: (value) => orElse(iterate(value)[0], () => new Undefined('No first item, sequence was empty.')),
  items(value) {
    if (value instanceof Undefined) return new List([], 'generator')
    if (value instanceof Dict) return new List(pairs(value), 'generator')
    throw new TemplateError('failed', 'Can only get item pairs from a mapping.')
  },
  join(value, args, named) {
    const [separator = new Text(''), attribute = null] = bind('join', args, named, ['d', 'attribute'])
    const items = iterate(value).map((item) => str(attribute === null ? item : pathItem(item, attribute)))
    return str(separator).join(items)
  },
  last(value) {
    if (value instanceof List && value.kind === 'generator') throw new TemplateError('failed', "'generator' object is not reversible")
    return orElse(iterate(value).at(-1), () => new Undefined('No last item, sequence was empty.'))
  },
  list: (value) => new List(iterate(value)),
  reject: (value, args, named) => selected(value, args, named, false, false),
  rejectattr: (value, args, named) => selected(value, args, named, true, false),
  reverse(value) {
    if (value instanceof Text) return Text.concat(characters(value).reverse())
    const items = [...iterate(value)].reverse()
    return new List(items, value instanceof List && value.kind === 'generator' ? 'list' : 'generator')
  },
  select: (value, args, named) => selected(value, args, named, false, true),
  selectattr: (value, args, named) => selected(value, args, named, true, true),
  sort(value, args, named) {
    const [reverse = false, isCaseSensitive = false, attribute = null] = bind('sort', args, named, ['reverse', 'case_sensitive', 'attribute'])
    if (attribute instanceof Text && attribute.value.includes(',')) throw new TemplateError('unsupported', 'the filter sort with several attributes')
    // jinja2 compares lists of keys, which asks for less than comparing the keys: two equal keys need no order.
    const keyOf = (item: Value): Value => new List([caseless(attribute === null ? item : pathItem(item, attribute), isTrue(isCaseSensitive))])
    return new List(sorted(iterate(value), true, isTrue(reverse), keyOf))
  },
  sum(value, args, named) {
    const [attribute = null, start = 0n] = bind('sum', args, named, ['attribute', 'start'])
    const items = iterate(value).map((item) => (attribute === null ? item : pathItem(item, attribute)))
    return items.reduce((total, item) => arithmetic('+', total, item), start)
  },
  unique(value, args, named) {
    const [isCaseSensitive = false, attribute = null] = bind('unique', args, named, ['case_sensitive', 'attribute'])
    const seen = new Set<string>()
    const isNew = (item: Value): boolean => {
      const key = hashKey(caseless(attribute === null ? item : pathItem(item, attribute), isTrue(isCaseSensitive)))
      return !seen.has(key) && seen.add(key).has(key)
    }
    return new List(iterate(value).filter(isNew), 'generator')
  }
}

/** A generator. jinja2 computes its items on use; here an error comes at once, for the same template. */
export function lazy(value: Value, compute: (items: readonly Value[]) => readonly Value[]): List {
  return new List(compute(isTrue(value) ? iterate(value) : []), 'generator')
}

function selected(value: Value, args: readonly Value[], named: NamedArguments, hasAttribute: boolean, isWanted: boolean): List {
  const path = hasAttribute ? required('selectattr', args[0]) : null
  const [test, ...rest] = args.slice(hasAttribute ? 1 : 0)
  const holds = (item: Value): boolean => {
    const tested = path === null ? item : pathItem(item, path)
    return test === undefined ? isTrue(tested) : runTest(requiredText('select', test).value, tested, rest, named)
  }
  return lazy(value, (items) => items.filter((item) => holds(item) === isWanted))
}

/** `a.b.0` of an item. */
export function pathItem(item: Value, path: Value): Value {
  if (!(path instanceof Text)) return getItem(item, path)
  return path.value.split('.').reduce<Value>((inner, part) => getItem(inner, /^\d+$/.test(part) ? BigInt(part) : new Text(part)), item)
}

function caseless(value: Value, isCaseSensitive: boolean): Value {
  return value instanceof Text && !isCaseSensitive ? value.changedTo(value.value.toLowerCase()) : value
}

function sorted(items: readonly Value[], isCaseSensitive: boolean, isReversed: boolean, keyOf: (item: Value) => Value): Value[] {
  const keyed = items.map((item) => ({ item, key: caseless(keyOf(item), isCaseSensitive) }))
  // Python's sort is stable in both directions.
  const sign = isReversed ? -1 : 1
  return keyed.sort((a, b) => sign * compare(a.key, b.key)).map(({ item }) => item)
}
