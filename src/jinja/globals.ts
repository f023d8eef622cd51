import { bind, integer, requiredText } from './arguments.ts'
import { strftime } from './strftime.ts'
import { TemplateError } from './template-error.ts'
import { Text } from './text.ts'
import { Callable, Dict, iterate, List, type NamedArguments, Namespace, type Value } from './values.ts'

/** As in the sandbox of jinja2. */
const MAX_RANGE = 100_000

/** Global functions of jinja2 that templates for conversations do not need. */
export const UNSUPPORTED_GLOBALS = ['lipsum', 'cycler', 'joiner', 'self', 'super', 'varargs', 'kwargs', 'caller'] as const

/** The global functions of a template: those of jinja2, and those of transformers. */
export function globalsAt(now: Date): ReadonlyMap<string, Value> {
  const functions: Readonly<Record<string, (args: readonly Value[], named: NamedArguments) => Value>> = {
    dict: (args, named) => new Dict(entriesOf(args, named)),
    namespace: (args, named) => {
      const entries = namespaceEntries(args, named)
      return new Namespace('Namespace', () => entries)
    },
    raise_exception(args, named) {
      const [message] = bind('raise_exception', args, named, ['message'])
      throw new TemplateError('raised', message instanceof Text ? message.value : 'raise_exception')
    },
    range: (args) => range(args),
    strftime_now: (args, named) => new Text(strftime(now, requiredText('strftime_now', bind('strftime_now', args, named, ['format'])[0]).value))
  }
  return new Map(Object.entries(functions).map(([name, call]) => [name, new Callable(name, call)]))
}

function entriesOf(args: readonly Value[], named: NamedArguments): (readonly [Value, Value])[] {
  const [source] = bind('dict', args, new Map(), ['source'])
  const given = source instanceof Dict ? source.entries() : source === undefined ? [] : iterate(source).map(pairOf)
  return [...given, ...[...named].map(([name, value]) => [new Text(name), value] as const)]
}

function pairOf(value: Value): readonly [Value, Value] {
  const [key, item, ...rest] = iterate(value)
  if (key === undefined || item === undefined || rest.length > 0) throw new TemplateError('failed', 'a dict needs pairs of key and value')
  return [key, item]
}

function namespaceEntries(args: readonly Value[], named: NamedArguments): (readonly [string, Value])[] {
  return entriesOf(args, named).map(([key, value]) => {
    const name = requiredText('namespace', key).value
    if (name.startsWith('_')) throw new TemplateError('failed', 'a namespace cannot store an attribute that begins with an underscore')
    return [name, value]
  })
}

function range(args: readonly Value[]): List {
  const given = args.map((each) => integer('range', each, 0))
  const [start, stop, step = 1] = given.length === 1 ? [0, given[0]] : given
  if (start === undefined || stop === undefined || given.length > 3) throw new TemplateError('failed', 'range needs one to three integers')
  if (step === 0) throw new TemplateError('failed', 'range() arg 3 must not be zero')
  const length = Math.max(0, Math.ceil((stop - start) / step))
  if (length > MAX_RANGE) throw new TemplateError('failed', `a range may have at most ${MAX_RANGE} items`)
  return new List(
    Array.from({ length }, (_, i) => BigInt(start + i * step)),
    'range'
  )
}
