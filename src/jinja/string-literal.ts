import { TemplateError } from './template-error.ts'

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
export function unescaped(literal: string): string {
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
