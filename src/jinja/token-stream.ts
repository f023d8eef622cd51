import type { Token, TokenKind } from './lexer.ts'
import { TemplateError } from './template-error.ts'

/** Tokens with a current position. */
export class TokenStream {
  readonly #tokens: Token[]
  #at = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = [...tokens]
  }

  /** The current token, or one after it. */
  peek(ahead = 0): Token {
    return this.#tokens[Math.min(this.#at + ahead, this.#tokens.length - 1)] ?? { kind: 'end', value: '', line: 1 }
  }

  next(): Token {
    const token = this.peek()
    this.#at++
    return token
  }

  is(kind: TokenKind, ...values: readonly string[]): boolean {
    const token = this.peek()
    return token.kind === kind && (values.length === 0 || values.includes(token.value))
  }

  /** Moves on if the current token is this one. */
  accept(kind: TokenKind, value: string): boolean {
    if (!this.is(kind, value)) return false
    this.next()
    return true
  }

  /** Puts a token in front of the current one. */
  insert(kind: TokenKind, value: string): void {
    this.#tokens.splice(this.#at, 0, { kind, value, line: this.peek().line })
  }

  expect(kind: TokenKind, value?: string): Token {
    if (value === undefined ? this.is(kind) : this.is(kind, value)) return this.next()
    return this.fail(`expected ${value === undefined ? kind.replace('_', ' ') : `'${value}'`}`)
  }

  fail(message: string): never {
    const { kind, value, line } = this.peek()
    throw new TemplateError('syntax', `line ${line}: ${message}, found ${kind === 'end' ? 'the end of the template' : `'${value || kind.replace('_', ' ')}'`}`)
  }

  unsupported(construct: string): never {
    throw new TemplateError('unsupported', `${construct} (line ${this.peek().line})`)
  }
}
