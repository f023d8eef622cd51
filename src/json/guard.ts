import { ServiceError } from '../errors.ts'

/** No request nests deeper; parsing deep nesting would block the event loop. */
const MAX_DEPTH = 32

const BYTE_ORDER_MARK = 0xfeff
const BACKSLASH = 0x5c
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const COLON = 0x3a

/**
 * Rejects what JSON.parse or a decoder would accept silently: a duplicate key in an object, of which the last would
 * win, a leading byte-order mark, and deep nesting. Throws `invalid_json`. Invalid JSON is left to JSON.parse.
 */
export function guardJson(text: string): void {
  if (text.charCodeAt(0) === BYTE_ORDER_MARK)
    throw new ServiceError('invalid_json', 'the body begins with a byte-order mark, which JSON does not allow; remove it')
  const keysByDepth: (Set<string> | null)[] = []
  // On 5 MB of numbers, a loop over the characters took ten times as long as this expression.
  const structure = /["{}[\]]/g
  while (structure.test(text)) {
    const at = structure.lastIndex - 1
    const character = text.charCodeAt(at)
    if (character === OPEN_OBJECT || character === OPEN_ARRAY) {
      keysByDepth.push(character === OPEN_OBJECT ? new Set() : null)
      if (keysByDepth.length > MAX_DEPTH)
        throw new ServiceError('invalid_json', `the body is nested more than ${MAX_DEPTH} levels deep, which no request needs`)
    } else if (character === CLOSE_OBJECT || character === CLOSE_ARRAY) keysByDepth.pop()
    else {
      const end = endOfString(text, at)
      const keys = keysByDepth.at(-1)
      if (keys && isFollowedByColon(text, end)) addKey(keys, text.slice(at, end))
      structure.lastIndex = end
    }
  }
}

function addKey(keys: Set<string>, quoted: string): void {
  // Escapes can spell the same key in different ways.
  const key = quoted.includes('\\') ? unquote(quoted) : quoted.slice(1, -1)
  if (keys.has(key)) throw new ServiceError('invalid_json', `an object has the key ${fieldName(key)} twice; send it once`, { param: fieldName(key) })
  keys.add(key)
}

function unquote(quoted: string): string {
  try {
    return JSON.parse(quoted) as string
  } catch {
    return quoted
  }
}

/** Position after the closing quote, or the end of the text. */
function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at !== -1; at = text.indexOf('"', at + 1)) if (!isEscaped(text, at)) return at + 1
  return text.length
}

/** Whether an odd number of backslashes precedes the quote at `at`. */
function isEscaped(text: string, at: number): boolean {
  let backslashes = 0
  while (text.charCodeAt(at - 1 - backslashes) === BACKSLASH) backslashes++
  return backslashes % 2 === 1
}

function isFollowedByColon(text: string, from: number): boolean {
  for (let at = from; at < text.length; at++) {
    const character = text.charCodeAt(at)
    if (character !== 0x20 && character !== 0x09 && character !== 0x0a && character !== 0x0d) return character === COLON
  }
  return false
}

const NAME = /^\w{1,40}$/

/** The key as an error message may show it: a field name, but nothing that could be part of a text. */
export function fieldName(key: string): string {
  return NAME.test(key) ? key : '(not a field name)'
}
