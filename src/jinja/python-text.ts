/** White space and letter case of Python's str, which differ from JavaScript's. */

/** The characters of `str.isspace`, for use inside brackets in a regular expression. */
export const WHITE_SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000'

const SPACE_START = new RegExp(`^[${WHITE_SPACE}]+`, 'u')
const LAST_IS_SPACE = new RegExp(`[${WHITE_SPACE}]$`, 'u')

/** UTF-16 units of white space at the start of a text, or of the given characters. */
export function leadingUnits(text: string, characters: string | null): number {
  if (characters === null) return SPACE_START.exec(text)?.[0].length ?? 0
  const stripped = new Set(characters)
  let units = 0
  for (const character of text) {
    if (!stripped.has(character)) break
    units += character.length
  }
  return units
}

/** UTF-16 units of white space at the end of a text, or of the given characters. */
export function trailingUnits(text: string, characters: string | null): number {
  // The second pattern alone takes quadratic time on text with long runs of spaces inside.
  if (characters === null) return LAST_IS_SPACE.test(text) ? text.length - stripEnd(text).length : 0
  const stripped = new Set(characters)
  let units = 0
  for (const character of [...text].reverse()) {
    if (!stripped.has(character)) break
    units += character.length
  }
  return units
}

/** `str.rstrip` without an argument. */
export function stripEnd(text: string): string {
  let end = text.length
  while (end > 0 && LAST_IS_SPACE.test(text.slice(end - 1, end))) end--
  return text.slice(0, end)
}

const CASED = /\p{Cased}/u
/** Titlecase of these is not made of upper and lower case. */
const TITLE_CASE: ReadonlyMap<string, string> = new Map(
  'ŉ ʼN,Ǆ ǅ,ǅ ǅ,ǆ ǅ,Ǉ ǈ,ǈ ǈ,ǉ ǈ,Ǌ ǋ,ǋ ǋ,ǌ ǋ,Ǳ ǲ,ǲ ǲ,ǳ ǲ,ᾲ Ὰͅ,ᾳ ᾼ,ᾴ Άͅ,ᾷ ᾼ͂,ᾼ ᾼ,ῂ Ὴͅ,ῃ ῌ,ῄ Ήͅ,ῇ ῌ͂,ῌ ῌ,ῲ Ὼͅ,ῳ ῼ,ῴ Ώͅ,ῷ ῼ͂,ῼ ῼ'
    .split(',')
    .map((pair) => pair.split(' ') as [string, string])
)

function titleCase(character: string): string {
  const special = TITLE_CASE.get(character)
  if (special !== undefined) return special
  const code = character.codePointAt(0) ?? 0
  // Greek letters with iota subscript, and Georgian, which has no titlecase.
  if (code >= 0x1f80 && code <= 0x1faf) return String.fromCodePoint(code | 8)
  if (code >= 0x10d0 && code <= 0x10ff) return character
  const [first = '', ...rest] = [...character.toUpperCase()]
  return first + rest.join('').toLowerCase()
}

/** `str.title`: titlecase after a character without case, lower case after one with. */
export function title(text: string): string {
  let isInWord = false
  let at = 0
  return [...text]
    .map((character) => {
      const changed = isInWord ? lowerAt(text, at, character) : titleCase(character)
      isInWord = CASED.test(character)
      at += character.length
      return changed
    })
    .join('')
}

/** `str.capitalize`. */
export function capitalize(text: string): string {
  const [first] = text
  return first === undefined ? '' : titleCase(first) + text.toLowerCase().slice(first.toLowerCase().length)
}

/** Lower case of one character; that of a capital sigma depends on its neighbours. */
function lowerAt(text: string, at: number, character: string): string {
  if (character !== 'Σ') return character.toLowerCase()
  const before = text.slice(0, at).toLowerCase().length
  return text.toLowerCase().slice(before, before + 1)
}

/** `str.splitlines`. */
const SEPARATORS = '\\x1c-\\x1e'
export const LINE_END = new RegExp(`\\r\\n|[\\n\\r\\v\\f${SEPARATORS}\\x85\\u2028\\u2029]`, 'gu')
