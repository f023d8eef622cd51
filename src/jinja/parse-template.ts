import { isReservedName } from './known-names.ts'
import { type Token, tokenize } from './lexer.ts'
import { parseExpression, parseFilters, parseOr } from './parse-expression.ts'
import { parseTuple } from './parse-primary.ts'
import { BODY, type Body, type Expression, type Parameter, type Statement, type Target } from './syntax.ts'
import { TokenStream } from './token-stream.ts'

export interface ParsedTemplate {
  readonly body: Body
  /** Every name in the code of the template, and every text constant, also by the parts between its dots. */
  readonly words: ReadonlySet<string>
}

/**
 * Reads a template. Throws `TemplateError`: `syntax` if jinja2 rejects it too, `unsupported` with the name of a
 * construct that this renderer does not know.
 */
export function parseTemplate(template: string): ParsedTemplate {
  const tokens = tokenize(template)
  const stream = new TokenStream(tokens)
  const body = parseBody(stream, [])
  if (!stream.is('end')) stream.fail('expected the end of the template')
  return { body, words: new Set(tokens.flatMap(wordsOf)) }
}

function wordsOf({ kind, value }: Token): string[] {
  if (kind === 'name') return [value]
  return kind === 'string' ? [value, ...value.split('.')] : []
}

/** Reads statements until one of the tags named, and stops behind that name. */
function parseBody(stream: TokenStream, ends: readonly string[]): Body {
  const body: Statement[] = []
  while (!stream.is('end')) {
    if (stream.is('data')) body.push({ kind: 'text', value: stream.next().value })
    else if (stream.is('variable_begin')) {
      stream.next()
      body.push({ kind: 'output', expression: parseWhole(stream, () => stream.is('variable_end')) })
      stream.expect('variable_end')
    } else {
      stream.expect('block_begin')
      if (stream.is('name', ...ends) && ends.length > 0) return body
      body.push(parseStatement(stream))
      stream.expect('block_end')
    }
  }
  if (ends.length > 0) stream.fail(`expected ${ends.at(-1)}`)
  return body
}

function parseWhole(stream: TokenStream, ends: () => boolean): Expression {
  return parseTuple(stream, { parseItem: parseExpression, mayBeEmpty: false, ends })
}

const isBlockEnd = (stream: TokenStream) => (): boolean => stream.is('block_end')

function parseStatement(stream: TokenStream): Statement {
  const tag = stream.expect('name').value
  switch (tag) {
    case 'if':
      return parseIf(stream)
    case 'for':
      return parseFor(stream)
    case 'set':
      return parseSet(stream)
    case 'macro':
      return parseMacro(stream)
    case 'with':
      return parseWith(stream)
    case 'filter': {
      const value = parseFilters(stream, filterStart(stream))
      return { kind: 'filterBlock', value, body: parseBlock(stream, 'endfilter') }
    }
    case 'generation':
      return { kind: 'generation', body: parseBlock(stream, 'endgeneration') }
    case 'break':
    case 'continue':
      return { kind: tag }
    default:
      return stream.unsupported(`the statement ${tag}`)
  }
}

/** `{% filter upper %}` names its first filter without `|`. */
function filterStart(stream: TokenStream): Expression {
  stream.insert('operator', '|')
  return { kind: 'name', name: BODY }
}

/** The rest of a tag and the body behind it, up to and with the name of the tag that ends it. */
function parseBlock(stream: TokenStream, end: string): Body {
  stream.expect('block_end')
  const body = parseBody(stream, [end])
  stream.expect('name', end)
  return body
}

function parseIf(stream: TokenStream): Statement {
  const branches: (readonly [Expression, Body])[] = []
  for (;;) {
    const test = parseTuple(stream, { parseItem: parseOr, mayBeEmpty: false, ends: isBlockEnd(stream) })
    stream.expect('block_end')
    branches.push([test, parseBody(stream, ['elif', 'else', 'endif'])])
    const tag = stream.next().value
    if (tag === 'endif') return { kind: 'if', branches, otherwise: [] }
    if (tag === 'else') return { kind: 'if', branches, otherwise: parseBlock(stream, 'endif') }
  }
}

function parseFor(stream: TokenStream): Statement {
  const target = parseTarget(stream, () => stream.is('name', 'in'))
  stream.expect('name', 'in')
  const iterable = parseTuple(stream, {
    parseItem: parseOr,
    mayBeEmpty: false,
    ends: () => stream.is('block_end') || stream.is('name', 'recursive')
  })
  const condition = stream.accept('name', 'if') ? parseExpression(stream) : null
  if (stream.is('name', 'recursive')) stream.unsupported('a recursive loop')
  stream.expect('block_end')
  const body = parseBody(stream, ['endfor', 'else'])
  const otherwise = stream.next().value === 'else' ? parseBlock(stream, 'endfor') : []
  return { kind: 'for', target, iterable, condition, body, otherwise }
}

function parseTarget(stream: TokenStream, ends: () => boolean): Target {
  const items: Target[] = []
  let isTuple = false
  do {
    if (items.length > 0) isTuple = true
    if (ends()) break
    items.push(parseSingleTarget(stream))
  } while (stream.accept('operator', ','))
  const [only] = items
  if (only === undefined) return stream.fail('expected a name')
  return isTuple ? { kind: 'tuple', items } : only
}

function parseSingleTarget(stream: TokenStream): Target {
  if (stream.accept('operator', '(')) {
    const inner = parseTarget(stream, () => stream.is('operator', ')'))
    stream.expect('operator', ')')
    return inner
  }
  const name = stream.expect('name').value
  if (isReservedName(name)) stream.fail(`cannot assign to '${name}'`)
  if (!stream.accept('operator', '.')) return { kind: 'name', name }
  return { kind: 'attribute', object: name, name: stream.expect('name').value }
}

function parseSet(stream: TokenStream): Statement {
  const target = parseTarget(stream, () => stream.is('operator', '='))
  if (stream.accept('operator', '=')) return { kind: 'set', target, value: parseWhole(stream, isBlockEnd(stream)) }
  const value = parseFilters(stream, { kind: 'name', name: BODY })
  return { kind: 'setBlock', target, value, body: parseBlock(stream, 'endset') }
}

function parseMacro(stream: TokenStream): Statement {
  const name = stream.expect('name').value
  const parameters: Parameter[] = []
  stream.expect('operator', '(')
  while (!stream.accept('operator', ')')) {
    if (parameters.length > 0) stream.expect('operator', ',')
    const parameter = stream.expect('name').value
    parameters.push({ name: parameter, standard: stream.accept('operator', '=') ? parseExpression(stream) : null })
  }
  return { kind: 'macro', name, parameters, body: parseBlock(stream, 'endmacro') }
}

function parseWith(stream: TokenStream): Statement {
  const assignments: (readonly [Target, Expression])[] = []
  while (!stream.is('block_end')) {
    if (assignments.length > 0) stream.expect('operator', ',')
    const target = parseSingleTarget(stream)
    stream.expect('operator', '=')
    assignments.push([target, parseExpression(stream)])
  }
  return { kind: 'with', assignments, body: parseBlock(stream, 'endwith') }
}
