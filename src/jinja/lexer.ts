import { stripEnd, WHITE_SPACE } from './python-text.ts'
import { TemplateError } from './template-error.ts'

export type TokenKind = 'data' | 'name' | 'string' | 'integer' | 'float' | 'operator' | 'block_begin' | 'block_end' | 'variable_begin' | 'variable_end' | 'end'

export interface Token {
  readonly kind: TokenKind
  readonly value: string
  readonly line: number
}

const SPACE = `[${WHITE_SPACE}]`
const BLOCK_END = `(?:\\+%\\}|-%\\}${SPACE}*|%\\}\\n?)`
const OPENING = new RegExp(`\\{%(?<raw>[-+]?)${SPACE}*raw${SPACE}*(?:-%\\}${SPACE}*|%\\})|(?<begin>\\{%|\\{\\{|\\{#)(?<sign>[-+]?)`, 'gu')
const RAW_END = new RegExp(`\\{%(?<sign>[-+]?)${SPACE}*endraw${SPACE}*${BLOCK_END}`, 'gu')
const COMMENT_END = new RegExp(`(?:\\+#\\}|-#\\}${SPACE}*|#\\}\\n?)`, 'gu')
const INSIDE = new RegExp(
  [
    `(?<blockEnd>${BLOCK_END})`,
    `(?<variableEnd>-\\}\\}${SPACE}*|\\}\\})`,
    `(?<space>${SPACE}+)`,
    '(?<float>(?<!\\.)(?:\\d+_)*\\d+(?:(?:\\.(?:\\d+_)*\\d+)?[eE][+-]?(?:\\d+_)*\\d+|\\.(?:\\d+_)*\\d+))',
    '(?<integer>0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[\\da-fA-F])+|[1-9](?:_?\\d)*|0(?:_?0)*)',
    '(?<name>[\\p{L}\\p{Nl}_][\\p{L}\\p{Nl}\\p{Mn}\\p{Mc}\\p{Nd}\\p{Pc}_]*)',
    `(?<string>'(?:[^'\\\\]|\\\\[\\s\\S])*'|"(?:[^"\\\\]|\\\\[\\s\\S])*")`,
    '(?<operator>//|\\*\\*|==|!=|>=|<=|[-+/*%~[\\](){}><=.:|,;])'
  ].join('|'),
  'yu'
)
const CLOSING: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' }

/**
 * Splits a template into tokens as jinja2 does with `trim_blocks` and `lstrip_blocks`. Throws `TemplateError`, kind
 * `syntax`.
 */
export function tokenize(template: string): Token[] {
  const source = template.replaceAll(/\r\n?/g, '\n').replace(/\n$/, '')
  const tokens: Token[] = []
  let at = 0
  let endsLine = true
  const lineAt = (position: number): number => source.slice(0, position).split('\n').length
  const pushData = (text: string): void => {
    if (text !== '') tokens.push({ kind: 'data', value: text, line: lineAt(at) })
  }
  const endOf = (pattern: RegExp, from: number, what: string): RegExpExecArray => {
    pattern.lastIndex = from
    const found = pattern.exec(source)
    if (found === null) throw new TemplateError('syntax', `${what} that begins in line ${lineAt(at)} does not end`)
    return found
  }

  while (at < source.length) {
    OPENING.lastIndex = at
    const opening = OPENING.exec(source)
    if (opening === null) {
      pushData(source.slice(at))
      break
    }
    const { raw, begin = '{%', sign } = opening.groups ?? {}
    pushData(beforeTag(source.slice(at, opening.index), raw ?? sign ?? '', begin !== '{{', endsLine))
    at = opening.index
    let next = OPENING.lastIndex
    if (raw !== undefined) {
      const end = endOf(RAW_END, next, 'the raw block')
      pushData(beforeTag(source.slice(next, end.index), end.groups?.sign ?? '', true, opening[0].endsWith('\n')))
      next = RAW_END.lastIndex
    } else if (begin === '{#') {
      endOf(COMMENT_END, next, 'the comment')
      next = COMMENT_END.lastIndex
    } else next = readTag(source, at, next, begin === '{{', tokens, lineAt)
    endsLine = source[next - 1] === '\n'
    at = next
  }
  return [...tokens, { kind: 'end', value: '', line: lineAt(source.length) }]
}

/** Template text in front of a tag, without the white space that the tag takes. */
function beforeTag(text: string, sign: string, isBlock: boolean, beginsLine: boolean): string {
  if (sign === '-') return stripEnd(text)
  if (sign === '+' || !isBlock) return text
  const lineStart = text.lastIndexOf('\n') + 1
  return (lineStart > 0 || beginsLine) && stripEnd(text.slice(lineStart)) === '' ? text.slice(0, lineStart) : text
}

/** Reads the tokens of one tag and returns where it ends. */
function readTag(source: string, start: number, from: number, isVariable: boolean, tokens: Token[], lineAt: (position: number) => number): number {
  const open: string[] = []
  const push = (kind: TokenKind, value: string, position: number): void => {
    tokens.push({ kind, value, line: lineAt(position) })
  }
  push(isVariable ? 'variable_begin' : 'block_begin', '', start)
  let at = from
  while (at < source.length) {
    const [kind, value] = tokenAt(source, at, isVariable, open.length === 0)
    if (kind === null) throw new TemplateError('syntax', `unexpected character in line ${lineAt(at)}`)
    at += value.length
    if (kind === 'blockEnd' || kind === 'variableEnd') {
      push(isVariable ? 'variable_end' : 'block_end', '', at)
      return at
    }
    if (kind === 'operator') {
      if ('([{'.includes(value)) open.push(value)
      else if (CLOSING[value] !== undefined && open.pop() !== CLOSING[value]) throw new TemplateError('syntax', `unexpected '${value}' in line ${lineAt(at)}`)
    }
    if (kind === 'string') push('string', unescaped(value.slice(1, -1)), at - value.length)
    else if (kind !== 'space') push(kind as TokenKind, value, at - value.length)
  }
  throw new TemplateError('syntax', `the tag that begins in line ${lineAt(start)} does not end`)
}

function tokenAt(source: string, at: number, isVariable: boolean, mayEnd: boolean): readonly [string | null, string] {
  INSIDE.lastIndex = at
  const match = INSIDE.exec(source)
  for (const [kind, value] of Object.entries(match?.groups ?? {})) {
    if (value === undefined) continue
    const isEnd = kind === 'blockEnd' || kind === 'variableEnd'
    if (!isEnd || (mayEnd && (kind === 'variableEnd') === isVariable)) return [kind, value]
    // An end of the other kind, or inside brackets, is made of operators.
    const operator = /^(?:[-+%}])/.exec(source.slice(at))
    return operator === null ? [null, ''] : ['operator', operator[0]]
  }
  return [null, '']
}

const SIMPLE: Readonly<Record<string, string>> = {
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\n': ''
}

/** Digits of the escapes that name a code point. */
const DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 }

/**
 * The value of a string literal: Python's escapes, of which an unknown one stays as it is written. Throws
 * `TemplateError` for an escape that Python rejects, and for two that no template needs.
 */
function unescaped(literal: string): string {
  return literal.replaceAll(/\\(?:([0-7]{1,3})|([xuU])([\da-fA-F]*)|([\s\S]))/gu, (whole, octal?: string, kind?: string, hex?: string, other?: string) => {
    if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8))
    if (kind !== undefined && hex !== undefined) {
      const digits = DIGITS[kind] ?? 0
      const code = Number.parseInt(hex.slice(0, digits), 16)
      if (hex.length < digits || code > 0x10ffff) throw new TemplateError('syntax', `truncated \\${kind} escape in a string`)
      return String.fromCodePoint(code) + hex.slice(digits)
    }
    if (other === 'N' || (other !== undefined && other > '\x7f')) throw new TemplateError('unsupported', `the escape \\${other} in a string`)
    return SIMPLE[other ?? ''] ?? whole
  })
}
