import { bind, required } from './arguments.ts'
import { arithmetic, compares } from './operators.ts'
import { str } from './representation.ts'
import { TemplateError } from './template-error.ts'
import { Text } from './text.ts'
import { Callable, Dict, isEqual, isNumber, List, type NamedArguments, Undefined, type Value } from './values.ts'

type Test = (value: Value, args: readonly Value[], named: NamedArguments) => boolean

const comparing =
  (operator: string): Test =>
  (value, args, named) =>
    compares(operator, value, required(operator, bind(`the test '${operator}'`, args, named, ['other'])[0]))

const plain =
  (holds: (value: Value) => boolean): Test =>
  (value, args, named) => {
    bind('the test', args, named, [])
    return holds(value)
  }

const equal = comparing('==')
const unequal = comparing('!=')
const less = comparing('<')
const greater = comparing('>')

function isDivisible(value: Value, by: Value): boolean {
  return isEqual(arithmetic('%', value, by), 0n)
}

/** jinja2's tests. */
export const TESTS: Readonly<Record<string, Test>> = {
  boolean: plain((value) => typeof value === 'boolean'),
  callable: plain((value) => value instanceof Callable || value instanceof Undefined),
  defined: plain((value) => !(value instanceof Undefined)),
  divisibleby: (value, args, named) => isDivisible(value, required('divisibleby', bind('divisibleby', args, named, ['num'])[0])),
  eq: equal,
  equalto: equal,
  even: plain((value) => isDivisible(value, 2n)),
  false: plain((value) => value === false),
  float: plain((value) => typeof value === 'number'),
  ge: comparing('>='),
  greaterthan: greater,
  gt: greater,
  in: comparing('in'),
  integer: plain((value) => typeof value === 'bigint'),
  iterable: plain((value) => value instanceof Text || value instanceof List || value instanceof Dict || value instanceof Undefined),
  le: comparing('<='),
  lessthan: less,
  lower: plain((value) => hasCase(str(value).value, /\p{Lowercase}/u, /[\p{Uppercase}\p{Lt}]/u)),
  lt: less,
  mapping: plain((value) => value instanceof Dict),
  ne: unequal,
  none: plain((value) => value === null),
  number: plain(isNumber),
  odd: plain((value) => isEqual(arithmetic('%', value, 2n), 1n)),
  sameas(value, args, named) {
    const other = required('sameas', bind('sameas', args, named, ['other'])[0])
    if (other !== null && typeof other !== 'boolean') throw new TemplateError('unsupported', 'the test sameas with anything but None, True and False')
    return value === other
  },
  sequence: plain(
    (value) =>
      value instanceof Text || value instanceof Dict || value instanceof Undefined || (value instanceof List && !['view', 'generator'].includes(value.kind))
  ),
  string: plain((value) => value instanceof Text),
  true: plain((value) => value === true),
  undefined: plain((value) => value instanceof Undefined),
  upper: plain((value) => hasCase(str(value).value, /\p{Uppercase}/u, /[\p{Lowercase}\p{Lt}]/u))
}

function hasCase(text: string, wanted: RegExp, other: RegExp): boolean {
  return wanted.test(text) && !other.test(text)
}

export function runTest(name: string, value: Value, args: readonly Value[], named: NamedArguments): boolean {
  const test = Object.hasOwn(TESTS, name) ? TESTS[name] : undefined
  if (test === undefined) throw new TemplateError('unsupported', 'a test whose name the template computes')
  return test(value, args, named)
}
