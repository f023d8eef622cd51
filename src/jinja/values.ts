import { TemplateError } from './template-error.ts'
import { Text } from './text.ts'

/** A Python value: bigint is an int, number is a float, null is None. */
export type Value = null | boolean | bigint | number | Text | Undefined | List | Dict | Callable | Namespace

/** A name without a value, or why the value may not be used. */
export class Undefined {
  readonly hint: string
  constructor(hint: string) {
    this.hint = hint
  }
}

type ListKind = 'list' | 'tuple' | 'range' | 'view' | 'generator'

/** A sequence or an iterable. Templates cannot change lists, as in the sandbox of jinja2. */
export class List {
  readonly #items: readonly Value[]
  readonly kind: ListKind
  #isSpent = false

  constructor(items: readonly Value[], kind: ListKind = 'list') {
    this.#items = items
    this.kind = kind
  }

  /** The items of anything but a generator. */
  get items(): readonly Value[] {
    return this.#items
  }

  /** The items; those of a generator only once. */
  take(): readonly Value[] {
    if (this.kind !== 'generator') return this.#items
    if (this.#isSpent) return []
    this.#isSpent = true
    return this.#items
  }
}

export class Dict {
  readonly #entries = new Map<string, readonly [Value, Value]>()

  constructor(entries: Iterable<readonly [Value, Value]>) {
    for (const [key, value] of entries) this.#entries.set(hashKey(key), [this.#entries.get(hashKey(key))?.[0] ?? key, value])
  }

  get(key: Value): Value | undefined {
    return this.#entries.get(hashKey(key))?.[1]
  }

  getText(key: string): Value | undefined {
    return this.#entries.get(`text ${key}`)?.[1]
  }

  has(key: Value): boolean {
    return this.#entries.has(hashKey(key))
  }

  get size(): number {
    return this.#entries.size
  }

  entries(): (readonly [Value, Value])[] {
    return [...this.#entries.values()]
  }
}

export type NamedArguments = ReadonlyMap<string, Value>

export class Callable {
  readonly name: string
  readonly call: (args: readonly Value[], named: NamedArguments) => Value
  constructor(name: string, call: (args: readonly Value[], named: NamedArguments) => Value) {
    this.name = name
    this.call = call
  }
}

/** `namespace()` of Jinja, and the variable `loop`, which most iterations never read. */
export class Namespace {
  readonly kind: 'Namespace' | 'LoopContext'
  readonly #initial: () => Iterable<readonly [string, Value]>
  #attributes: Map<string, Value> | null = null

  constructor(kind: 'Namespace' | 'LoopContext', initial: () => Iterable<readonly [string, Value]>) {
    this.kind = kind
    this.#initial = initial
  }

  get attributes(): Map<string, Value> {
    this.#attributes ??= new Map(this.#initial())
    return this.#attributes
  }
}

/** Equal values have equal keys: 1, 1.0 and True are one. */
export function hashKey(value: Value): string {
  if (value instanceof Text) return `text ${value.value}`
  if (value === null) return 'None'
  if (typeof value === 'boolean' || typeof value === 'bigint' || typeof value === 'number') return `number ${Number(value)}`
  if (value instanceof Undefined) return 'Undefined'
  if (value instanceof List && (value.kind === 'tuple' || value.kind === 'range')) return `${value.kind} ${JSON.stringify(value.items.map(hashKey))}`
  throw new TemplateError('failed', `unhashable type: '${typeName(value)}'`)
}

export function typeName(value: Value): string {
  if (value === null) return 'NoneType'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'bigint') return 'int'
  if (typeof value === 'number') return 'float'
  if (value instanceof Text) return 'str'
  if (value instanceof Dict) return 'dict'
  if (value instanceof List) return value.kind
  if (value instanceof Undefined) return 'Undefined'
  return value instanceof Callable ? 'function' : value.kind
}

export function isTrue(value: Value): boolean {
  if (value === null || value instanceof Undefined) return false
  if (value instanceof Text) return value.value !== ''
  if (value instanceof List) return value.kind === 'generator' || value.items.length > 0
  if (value instanceof Dict) return value.size > 0
  if (value instanceof Callable || value instanceof Namespace) return true
  return Boolean(value)
}

type PyNumber = boolean | bigint | number

export function isNumber(value: Value): value is PyNumber {
  return typeof value === 'boolean' || typeof value === 'bigint' || typeof value === 'number'
}

export function isEqual(a: Value, b: Value): boolean {
  if (isNumber(a) && isNumber(b)) return compareNumbers(a, b) === 0
  if (a instanceof Text && b instanceof Text) return a.value === b.value
  if (a instanceof Undefined && b instanceof Undefined) return true
  if (a instanceof List && b instanceof List && a.kind === b.kind && (a.kind === 'list' || a.kind === 'tuple' || a.kind === 'range'))
    return a.items.length === b.items.length && a.items.every((item, i) => isEqual(item, b.items[i] ?? null))
  if (a instanceof Dict && b instanceof Dict) return a.size === b.size && a.entries().every(([key, value]) => b.has(key) && isEqual(value, b.get(key) ?? null))
  return a === b
}

/** Below 0 if `a` is less. Throws for values that Python does not order. */
export function compare(a: Value, b: Value): number {
  if (isNumber(a) && isNumber(b)) return compareNumbers(a, b)
  if (a instanceof Text && b instanceof Text) return compareText(a.value, b.value)
  if (a instanceof List && b instanceof List && a.kind === b.kind && (a.kind === 'list' || a.kind === 'tuple')) {
    for (const [i, item] of a.items.entries()) {
      const other = b.items[i]
      if (other === undefined) return 1
      if (!isEqual(item, other)) return compare(item, other)
    }
    return a.items.length - b.items.length
  }
  throw new TemplateError('failed', `'<' not supported between instances of '${typeName(a)}' and '${typeName(b)}'`)
}

function compareNumbers(a: PyNumber, b: PyNumber): number {
  const [left, right] = [typeof a === 'boolean' ? BigInt(a) : a, typeof b === 'boolean' ? BigInt(b) : b]
  if (left < right) return -1
  return left > right ? 1 : left >= right ? 0 : Number.NaN
}

/** Order of code points, which that of UTF-16 units is not. */
function compareText(a: string, b: string): number {
  const [left, right] = [[...a], [...b]]
  const at = left.findIndex((character, i) => character !== right[i])
  if (at < 0) return left.length - right.length
  const other = right[at]
  return other === undefined ? 1 : (left[at]?.codePointAt(0) ?? 0) - (other.codePointAt(0) ?? 0)
}

/** `value`, or what `otherwise` gives if there is none. `??` would replace None too. */
export function orElse(value: Value | undefined, otherwise: () => Value): Value {
  return value === undefined ? otherwise() : value
}

/** The items of an iterable. Throws for anything else. */
export function iterate(value: Value): readonly Value[] {
  if (value instanceof List) return value.take()
  if (value instanceof Dict) return value.entries().map(([key]) => key)
  if (value instanceof Undefined) return []
  if (value instanceof Text) return characters(value)
  throw new TemplateError('failed', `'${typeName(value)}' object is not iterable`)
}

export function characters(text: Text): Text[] {
  let at = 0
  return [...text.value].map((character) => {
    at += character.length
    return text.slice(at - character.length, at)
  })
}
