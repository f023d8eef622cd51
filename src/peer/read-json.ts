/** Marks a key that looks like a number: an object would list such keys first, in numeric order. */
const MARK = '\u0000'
const NUMBER_KEY = /([{,]\s*)"(\d+)"(?=\s*:)/g
/** What Python's json module writes for numbers that JSON does not have. */
const PYTHON_NUMBER = /([[,:]\s*)(-?Infinity|NaN)(?=\s*[\],}])/g
const NUMBERS: Readonly<Record<string, number>> = { NaN: Number.NaN, Infinity: Number.POSITIVE_INFINITY, '-Infinity': Number.NEGATIVE_INFINITY }

export interface ReadJson {
  readonly value: unknown
  /** Whether the text has `NaN` or `Infinity`, which only Python's parser accepts. They are strings in `value`. */
  readonly hasPythonNumbers: boolean
}

/**
 * Parses a response so that `entriesOf` can list the members of objects in the order of the text: the first key of an
 * entry of `prompt_logprobs` is the token of the prompt. Throws a SyntaxError for what Python's parser rejects too.
 */
export function readJson(text: string): ReadJson {
  // A quote that begins a key follows `{` or `,`; one that ends a string is never followed by digits.
  const marked = text.replaceAll(NUMBER_KEY, `$1"\\u0000$2"`)
  try {
    return { value: JSON.parse(marked), hasPythonNumbers: false }
  } catch (error) {
    const quoted = marked.replaceAll(PYTHON_NUMBER, '$1"$2"')
    if (quoted === marked) throw error
    return { value: JSON.parse(quoted), hasPythonNumbers: true }
  }
}

/** The members of an object that `readJson` returned, in the order of the text; null for any other value. */
export function entriesOf(value: unknown): (readonly [key: string, value: unknown])[] | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  return Object.entries(value).map(([key, member]) => [key.startsWith(MARK) ? key.slice(MARK.length) : key, member])
}

/** A member of an object; undefined for any other value. `key` must not look like a number. */
export function memberOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? (value as Readonly<Record<string, unknown>>)[key] : undefined
}

/** A number, also one that only Python writes; undefined for any other value. */
export function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : typeof value === 'string' && Object.hasOwn(NUMBERS, value) ? NUMBERS[value] : undefined
}

export function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}
