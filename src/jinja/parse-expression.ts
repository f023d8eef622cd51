import { isKnownFilter, isKnownMethod, isKnownTest } from './known-names.ts'
import { parsePrimary } from './parse-primary.ts'
import type { Arguments, Comparison, Expression } from './syntax.ts'
import { Text } from './text.ts'
import type { TokenStream } from './token-stream.ts'

/** The grammar of jinja2's parser. Throws `TemplateError` for constructs that this renderer does not know. */
export function parseExpression(stream: TokenStream): Expression {
  let then = parseOr(stream)
  while (stream.accept('name', 'if')) {
    const test = parseOr(stream)
    const otherwise = stream.accept('name', 'else') ? parseExpression(stream) : null
    then = { kind: 'conditional', test, then, otherwise }
  }
  return then
}

/** An expression without `if`. */
export function parseOr(stream: TokenStream): Expression {
  let left = parseAnd(stream)
  while (stream.accept('name', 'or')) left = { kind: 'logical', operator: 'or', left, right: parseAnd(stream) }
  return left
}

function parseAnd(stream: TokenStream): Expression {
  let left = parseNot(stream)
  while (stream.accept('name', 'and')) left = { kind: 'logical', operator: 'and', left, right: parseNot(stream) }
  return left
}

function parseNot(stream: TokenStream): Expression {
  return stream.accept('name', 'not') ? { kind: 'not', operand: parseNot(stream) } : parseCompare(stream)
}

function parseCompare(stream: TokenStream): Expression {
  const first = parseSum(stream)
  const rest: Comparison[] = []
  for (;;) {
    if (stream.is('operator', '==', '!=', '<', '<=', '>', '>=')) {
      const operator = stream.next().value
      rest.push({ operator, operand: parseSum(stream) })
    } else if (stream.accept('name', 'in')) rest.push({ operator: 'in', operand: parseSum(stream) })
    else if (stream.is('name', 'not') && stream.peek(1).kind === 'name' && stream.peek(1).value === 'in') {
      stream.next()
      stream.next()
      rest.push({ operator: 'not in', operand: parseSum(stream) })
    } else return rest.length === 0 ? first : { kind: 'compare', first, rest }
  }
}

function parseSum(stream: TokenStream): Expression {
  return leftToRight(stream, ['+', '-'], parseConcat)
}

function parseConcat(stream: TokenStream): Expression {
  const parts = [parseProduct(stream)]
  while (stream.accept('operator', '~')) parts.push(parseProduct(stream))
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : { kind: 'concat', parts }
}

function parseProduct(stream: TokenStream): Expression {
  return leftToRight(stream, ['*', '/', '//', '%'], (inner) => leftToRight(inner, ['**'], parseUnary))
}

function leftToRight(stream: TokenStream, operators: readonly string[], parseOperand: (stream: TokenStream) => Expression): Expression {
  let left = parseOperand(stream)
  while (stream.is('operator', ...operators)) {
    const operator = stream.next().value
    if (operator === '%' && left.kind === 'constant' && left.value instanceof Text) stream.unsupported("formatting with '%'")
    left = { kind: 'arithmetic', operator, left, right: parseOperand(stream) }
  }
  return left
}

function parseUnary(stream: TokenStream, withFilters = true): Expression {
  const operator = stream.is('operator', '-', '+') ? stream.next().value : null
  const operand: Expression = operator === null ? parsePrimary(stream, parseExpression) : { kind: 'signed', operator, operand: parseUnary(stream, false) }
  const node = parsePostfix(stream, operand)
  return withFilters ? parseFilters(stream, node) : node
}

function parsePostfix(stream: TokenStream, start: Expression): Expression {
  let node = start
  for (;;) {
    if (stream.accept('operator', '.')) node = parseAttribute(stream, node)
    else if (stream.accept('operator', '[')) node = parseSubscript(stream, node)
    else if (stream.is('operator', '(')) node = parseCall(stream, node)
    else return node
  }
}

function parseAttribute(stream: TokenStream, object: Expression): Expression {
  if (stream.is('integer')) return { kind: 'item', object, key: { kind: 'constant', value: BigInt(stream.next().value) } }
  const name = stream.expect('name').value
  if (name.startsWith('__')) stream.unsupported(`the attribute ${name}`)
  return { kind: 'attribute', object, name }
}

function parseSubscript(stream: TokenStream, object: Expression): Expression {
  const bounds: (Expression | null)[] = []
  let isSlice = false
  for (let last: Expression | null = null; ; ) {
    if (stream.accept('operator', ':')) {
      isSlice = true
      bounds.push(last)
      last = null
    } else if (stream.accept('operator', ']')) {
      if (isSlice) return { kind: 'slice', object, bounds: [...bounds, last] }
      return last === null ? stream.fail('expected an expression') : { kind: 'item', object, key: last }
    } else if (last !== null) return stream.is('operator', ',') ? stream.unsupported('a subscript with a comma') : stream.fail("expected ']'")
    else last = parseExpression(stream)
  }
}

function parseCall(stream: TokenStream, callee: Expression): Expression {
  if (callee.kind === 'attribute' && !isKnownMethod(callee.name)) stream.unsupported(`the method .${callee.name}()`)
  return { kind: 'call', callee, ...parseArguments(stream) }
}

/** The arguments of a call, in parentheses. */
function parseArguments(stream: TokenStream): Arguments {
  const args: { readonly value: Expression; readonly isSpread: boolean }[] = []
  const named: (readonly [string, Expression])[] = []
  stream.expect('operator', '(')
  while (!stream.accept('operator', ')')) {
    if (args.length + named.length > 0) {
      stream.expect('operator', ',')
      if (stream.accept('operator', ')')) break
    }
    if (stream.is('operator', '**')) stream.unsupported('an argument with **')
    const isSpread = stream.accept('operator', '*')
    if (!isSpread && stream.is('name') && stream.peek(1).kind === 'operator' && stream.peek(1).value === '=') {
      const name = stream.next().value
      stream.next()
      named.push([name, parseExpression(stream)])
    } else if (named.length > 0) stream.fail('expected a keyword argument')
    else args.push({ value: parseExpression(stream), isSpread })
  }
  return { args, named }
}

/** Filters, tests and calls after an expression. */
export function parseFilters(stream: TokenStream, start: Expression): Expression {
  let node = start
  for (;;) {
    if (stream.accept('operator', '|')) {
      const name = stream.expect('name').value
      if (stream.is('operator', '.') || !isKnownFilter(name)) stream.unsupported(`the filter ${name}`)
      node = { kind: 'filter', input: node, name, ...(stream.is('operator', '(') ? parseArguments(stream) : { args: [], named: [] }) }
    } else if (stream.accept('name', 'is')) node = parseTest(stream, node)
    else if (stream.is('operator', '(')) node = parseCall(stream, node)
    else return node
  }
}

function parseTest(stream: TokenStream, input: Expression): Expression {
  const isNegated = stream.accept('name', 'not')
  const name = stream.expect('name').value
  if (stream.is('operator', '.') || !isKnownTest(name)) stream.unsupported(`the test ${name}`)
  let given: Arguments = { args: [], named: [] }
  if (stream.is('operator', '(')) given = parseArguments(stream)
  else if (stream.is('name') || stream.is('string') || stream.is('integer') || stream.is('float') || stream.is('operator', '[', '{')) {
    if (stream.is('name', 'is')) stream.fail('tests cannot be chained')
    if (!stream.is('name', 'else', 'or', 'and'))
      given = { args: [{ value: parsePostfix(stream, parsePrimary(stream, parseExpression)), isSpread: false }], named: [] }
  }
  return { kind: 'test', input, name, isNegated, ...given }
}
