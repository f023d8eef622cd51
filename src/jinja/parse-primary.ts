import type { Expression } from './syntax.ts'
import { Text } from './text.ts'
import type { TokenStream } from './token-stream.ts'
import type { Value } from './values.ts'

const CONSTANTS: ReadonlyMap<string, Value> = new Map<string, Value>([
  ['true', true],
  ['True', true],
  ['false', false],
  ['False', false],
  ['none', null],
  ['None', null]
])

type ParseItem = (stream: TokenStream) => Expression

/** A literal, a name, or an expression in brackets, whose parts `parseExpression` reads. */
export function parsePrimary(stream: TokenStream, parseExpression: ParseItem): Expression {
  const { kind, value } = stream.next()
  if (kind === 'name') {
    const constant = CONSTANTS.get(value)
    return constant === undefined ? { kind: 'name', name: value } : { kind: 'constant', value: constant }
  }
  if (kind === 'string') {
    let text = value
    while (stream.is('string')) text += stream.next().value
    return { kind: 'constant', value: new Text(text) }
  }
  if (kind === 'integer') return { kind: 'constant', value: BigInt(value.replaceAll('_', '')) }
  if (kind === 'float') return { kind: 'constant', value: Number(value.replaceAll('_', '')) }
  if (kind === 'operator' && value === '(') {
    const inner = parseTuple(stream, { parseItem: parseExpression, mayBeEmpty: true, ends: () => stream.is('operator', ')') })
    stream.expect('operator', ')')
    return inner
  }
  if (kind === 'operator' && value === '[') return { kind: 'list', items: itemsUntil(stream, ']', () => parseExpression(stream)), isTuple: false }
  if (kind === 'operator' && value === '{') {
    const entry = (): readonly [Expression, Expression] => {
      const key = parseExpression(stream)
      stream.expect('operator', ':')
      return [key, parseExpression(stream)]
    }
    return { kind: 'dict', entries: itemsUntil(stream, '}', entry) }
  }
  return stream.fail('expected an expression')
}

function itemsUntil<Item>(stream: TokenStream, close: string, parseItem: () => Item): Item[] {
  const items: Item[] = []
  while (!stream.accept('operator', close)) {
    if (items.length > 0) {
      stream.expect('operator', ',')
      if (stream.accept('operator', close)) break
    }
    items.push(parseItem())
  }
  return items
}

interface TupleOptions {
  readonly parseItem: ParseItem
  readonly mayBeEmpty: boolean
  /** Whether the tuple ends at the current token. */
  readonly ends: () => boolean
}

/** One expression, or several with commas, which make a tuple. */
export function parseTuple(stream: TokenStream, { parseItem, mayBeEmpty, ends }: TupleOptions): Expression {
  const items: Expression[] = []
  let isTuple = false
  while (!ends()) {
    items.push(parseItem(stream))
    if (!stream.accept('operator', ',')) break
    isTuple = true
  }
  const [only] = items
  if (!isTuple && only !== undefined) return only
  return isTuple || mayBeEmpty ? { kind: 'list', items, isTuple: true } : stream.fail('expected an expression')
}
