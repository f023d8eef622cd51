import { getAttribute, getItem, slice } from './attributes.ts'
import { FILTERS } from './filters.ts'
import { UNSUPPORTED_GLOBALS } from './globals.ts'
import { arithmetic, compares, signed } from './operators.ts'
import { str } from './representation.ts'
import type { Scope } from './scope.ts'
import type { Arguments, Expression } from './syntax.ts'
import { TemplateError } from './template-error.ts'
import { runTest } from './tests.ts'
import { Text } from './text.ts'
import { Callable, Dict, isTrue, iterate, List, type NamedArguments, orElse, typeName, Undefined, type Value } from './values.ts'

/** The value of an expression. Throws `TemplateError`. */
export function evaluate(expression: Expression, scope: Scope): Value {
  const evaluated = (inner: Expression): Value => evaluate(inner, scope)
  switch (expression.kind) {
    case 'constant':
      return expression.value
    case 'name':
      return orElse(scope.get(expression.name), () => undeclared(expression.name))
    case 'list':
      return new List(expression.items.map(evaluated), expression.isTuple ? 'tuple' : 'list')
    case 'dict':
      return new Dict(expression.entries.map(([key, value]) => [evaluated(key), evaluated(value)]))
    case 'signed':
      return signed(expression.operator, evaluated(expression.operand))
    case 'not':
      return !isTrue(evaluated(expression.operand))
    case 'logical': {
      const left = evaluated(expression.left)
      return isTrue(left) === (expression.operator === 'and') ? evaluated(expression.right) : left
    }
    case 'arithmetic':
      return arithmetic(expression.operator, evaluated(expression.left), evaluated(expression.right))
    case 'concat':
      return Text.concat(expression.parts.map((part) => str(evaluated(part))))
    case 'compare':
      return comparison(expression, scope)
    case 'conditional':
      if (isTrue(evaluated(expression.test))) return evaluated(expression.then)
      return expression.otherwise === null ? new Undefined('the inline if-expression has no else') : evaluated(expression.otherwise)
    case 'attribute':
      return getAttribute(evaluated(expression.object), expression.name)
    case 'item':
      return getItem(evaluated(expression.object), evaluated(expression.key))
    case 'slice':
      return slice(
        evaluated(expression.object),
        expression.bounds.map((bound) => (bound === null ? null : evaluated(bound)))
      )
    case 'call':
      return called(evaluated(expression.callee), ...argumentsOf(expression, scope))
    case 'filter':
      return filtered(expression.name, evaluated(expression.input), ...argumentsOf(expression, scope))
    case 'test':
      return runTest(expression.name, evaluated(expression.input), ...argumentsOf(expression, scope)) !== expression.isNegated
  }
}

function undeclared(name: string): Undefined {
  if (UNSUPPORTED_GLOBALS.some((each) => each === name)) throw new TemplateError('unsupported', `the name ${name}`)
  return new Undefined(`'${name}' is undefined`)
}

function argumentsOf({ args, named }: Arguments, scope: Scope): readonly [Value[], NamedArguments] {
  const positional = args.flatMap(({ value, isSpread }) => {
    const given = evaluate(value, scope)
    return isSpread ? iterate(given) : [given]
  })
  return [positional, new Map(named.map(([name, value]) => [name, evaluate(value, scope)]))]
}

function comparison({ first, rest }: Extract<Expression, { kind: 'compare' }>, scope: Scope): boolean {
  let left = evaluate(first, scope)
  for (const { operator, operand } of rest) {
    const right = evaluate(operand, scope)
    if (!compares(operator, left, right)) return false
    left = right
  }
  return true
}

function called(callee: Value, args: readonly Value[], named: NamedArguments): Value {
  if (callee instanceof Callable) return callee.call(args, named)
  throw new TemplateError('failed', callee instanceof Undefined ? callee.hint : `'${typeName(callee)}' object is not callable`)
}

function filtered(name: string, value: Value, args: readonly Value[], named: NamedArguments): Value {
  const filter = FILTERS[name]
  if (filter === undefined) throw new TemplateError('unsupported', `the filter ${name}`)
  return filter(value, args, named)
}
