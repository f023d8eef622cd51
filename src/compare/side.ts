import { elementAt } from '../element-at.ts'
import type { ServiceError } from '../errors.ts'

/** A token as a model or a server names it; null where it gives none. */
export interface TokenName {
  readonly id: number | null
  readonly text: string | null
}

/** A token of a text, with what one side says of it. */
export interface SideToken extends TokenName {
  /** In nats; null for a first token that nothing precedes. */
  readonly logProb: number | null
  /** The most probable token at this position; null when it is not known. */
  readonly top: TokenName | null
}

/** One of the two that are compared: a model loaded here, or a server. */
export interface Side {
  /** Shown in the report. */
  readonly name: string
  /** The tokens of each text, or why it cannot be scored. Rejects when nothing can be scored any more. */
  score(texts: readonly string[], signal: AbortSignal): Promise<readonly (readonly SideToken[] | ServiceError)[]>
  close(): Promise<void>
}

export interface TokenPair {
  readonly a: SideToken
  readonly b: SideToken
}

/**
 * The tokens of a text on both sides, one by one; null when the sides have other tokens, so that no token of one has a
 * counterpart. A token that only one side shows before the text, such as BOS, is left out.
 */
export function tokenPairs(a: readonly SideToken[], b: readonly SideToken[]): TokenPair[] | null {
  const extra = a.length - b.length
  if (Math.abs(extra) > 1 || a.length === 0 || b.length === 0) return null
  if ((extra === 1 && a[0]?.logProb !== null) || (extra === -1 && b[0]?.logProb !== null)) return null
  const [skippedA, skippedB] = [Math.max(0, extra), Math.max(0, -extra)]
  const pairs = a.slice(skippedA).map((token, i) => ({ a: token, b: elementAt(b, i + skippedB) }))
  return pairs.every((pair) => isSameToken(pair.a, pair.b)) ? pairs : null
}

/** Servers do not agree on how to spell a part of a character: `bytes:\xe2`, or U+FFFD. */
const PART_OF_CHARACTER = /^bytes:|\ufffd/

/** Whether two sides name the same token. Without ids, parts of characters cannot be told apart. */
export function isSameToken(a: TokenName, b: TokenName): boolean {
  if (a.id !== null && b.id !== null && a.id !== b.id) return false
  if (a.text === null || b.text === null) return a.id !== null && b.id !== null
  return a.text === b.text || (PART_OF_CHARACTER.test(a.text) && PART_OF_CHARACTER.test(b.text))
}
