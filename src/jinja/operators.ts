import { TemplateError } from './template-error.ts'
import { Text } from './text.ts'
import { compare, Dict, isEqual, isNumber, iterate, List, Namespace, typeName, Undefined, type Value } from './values.ts'

type Number_ = bigint | number

/** `+`, `-`, `*`, `/`, `//`, `%` and `**` of Python. */
export function arithmetic(operator: string, left: Value, right: Value): Value {
  for (const operand of [left, right]) if (operand instanceof Undefined) throw new TemplateError('failed', operand.hint)
  if (isNumber(left) && isNumber(right)) return ofNumbers(operator, integerOf(left), integerOf(right))
  if (operator === '+') return sum(left, right)
  if (operator === '*') {
    if (typeof right === 'bigint' || typeof right === 'boolean') return repeated(left, Number(right))
    if (typeof left === 'bigint' || typeof left === 'boolean') return repeated(right, Number(left))
  }
  if (operator === '%' && left instanceof Text) throw new TemplateError('unsupported', "formatting with '%'")
  return unsupportedOperands(operator, left, right)
}

function unsupportedOperands(operator: string, left: Value, right: Value): never {
  throw new TemplateError('failed', `unsupported operand type(s) for ${operator}: '${typeName(left)}' and '${typeName(right)}'`)
}

function integerOf(value: boolean | Number_): Number_ {
  return typeof value === 'boolean' ? BigInt(value) : value
}

function ofNumbers(operator: string, left: Number_, right: Number_): Value {
  if (['/', '//', '%'].includes(operator) && Number(right) === 0) throw new TemplateError('failed', 'division by zero')
  if (typeof left === 'bigint' && typeof right === 'bigint' && operator !== '/' && !(operator === '**' && right < 0n)) {
    return ofIntegers(operator, left, right)
  }
  const [a, b] = [Number(left), Number(right)]
  switch (operator) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      return a * b
    case '/':
      return a / b
    case '//':
      return floorQuotient(a, b)
    case '%':
      return floatRemainder(a, b)
    default:
      throw new TemplateError('unsupported', `'${operator}' of floats`)
  }
}

/** CPython's float_rem: the sign of the divisor. */
function floatRemainder(a: number, b: number): number {
  const remainder = a % b
  if (remainder === 0) return b < 0 ? -0 : 0
  return b < 0 === remainder < 0 ? remainder : remainder + b
}

/** CPython's float_floor_div, which is not the rounded quotient's floor. */
function floorQuotient(a: number, b: number): number {
  const quotient = (a - floatRemainder(a, b)) / b
  const floor = Math.floor(quotient)
  return quotient - floor > 0.5 ? floor + 1 : floor
}

function ofIntegers(operator: string, a: bigint, b: bigint): bigint {
  const remainder = b === 0n ? 0n : ((a % b) + b) % b
  switch (operator) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      return a * b
    case '//':
      return (a - remainder) / b
    case '%':
      return remainder
    default:
      if (b > 10_000n) throw new TemplateError('failed', 'the exponent is too large')
      return a ** b
  }
}

function sum(left: Value, right: Value): Value {
  if (left instanceof Text && right instanceof Text) {
    if (!left.isMarkup && !right.isMarkup) return Text.concat([left, right])
    const joined = Text.concat([escaped(left), escaped(right)])
    return new Text(joined.value, joined.origins, true)
  }
  if (left instanceof List && right instanceof List && left.kind === right.kind && (left.kind === 'list' || left.kind === 'tuple'))
    return new List([...left.items, ...right.items], left.kind)
  return unsupportedOperands('+', left, right)
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', "'": '&#39;', '"': '&#34;' }

function escaped(text: Text): Text {
  return text.isMarkup ? text : text.changedTo(text.value.replaceAll(/[&<>'"]/g, (character) => ENTITIES[character] ?? character))
}

const MAX_REPEATED = 1_000_000

function repeated(value: Value, count: number): Value {
  const times = Math.max(0, count)
  const length = value instanceof Text ? value.value.length : value instanceof List ? value.items.length : 0
  if (times * length > MAX_REPEATED) throw new TemplateError('limit', `it repeats a value to more than ${MAX_REPEATED} characters or items`)
  if (value instanceof Text) return Text.concat(Array.from({ length: times }, () => value))
  if (value instanceof List && (value.kind === 'list' || value.kind === 'tuple'))
    return new List(Array.from({ length: times }, () => value.items).flat(), value.kind)
  return unsupportedOperands('*', value, BigInt(count))
}

/** `-` and `+` in front of a value. */
export function signed(operator: string, value: Value): Value {
  if (value instanceof Undefined) throw new TemplateError('failed', value.hint)
  if (!isNumber(value)) throw new TemplateError('failed', `bad operand type for unary ${operator}: '${typeName(value)}'`)
  const number = integerOf(value)
  return operator === '-' ? -number : number
}

export function compares(operator: string, left: Value, right: Value): boolean {
  if (operator === 'in') return contains(right, left)
  if (operator === 'not in') return !contains(right, left)
  if (operator === '==') return isEqual(left, right)
  if (operator === '!=') return !isEqual(left, right)
  for (const operand of [left, right]) if (operand instanceof Undefined) throw new TemplateError('failed', operand.hint)
  const order = compare(left, right)
  if (operator === '<') return order < 0
  if (operator === '<=') return order <= 0
  return operator === '>' ? order > 0 : order >= 0
}

function contains(container: Value, item: Value): boolean {
  if (container instanceof Dict) return container.has(item)
  if (container instanceof Namespace) throw new TemplateError('failed', `argument of type '${typeName(container)}' is not iterable`)
  if (!(container instanceof Text)) return iterate(container).some((each) => isEqual(each, item))
  if (!(item instanceof Text)) throw new TemplateError('failed', `'in <string>' requires string as left operand, not ${typeName(item)}`)
  return container.value.includes(item.value)
}
