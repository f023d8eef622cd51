/** Edits that are taken for a typing mistake, at most; in short names at most half of the letters. */
const MAX_EDITS = 3

/** `; did you mean --port?` when one of `names` is close to `typed`, else an empty text. `prefix` precedes the name. */
export function didYouMean(typed: string, names: Iterable<string>, prefix = ''): string {
  const nearest = nearestName(typed, names)
  return nearest === null ? '' : `; did you mean ${prefix}${nearest}?`
}

/** What other tools call the fields of a pair. */
const ALIASES: Readonly<Record<string, string>> = {
  prompt: 'x',
  context: 'x',
  input: 'x',
  question: 'x',
  query: 'x',
  text: 'x',
  completion: 'y',
  continuation: 'y',
  output: 'y',
  target: 'y',
  answer: 'y',
  response: 'y'
}

/** Like `didYouMean` for unknown fields, also by the names of other tools; empty when a field has no match. */
export function didYouMeanFields(typed: readonly string[], fields: readonly string[]): string {
  const meant = typed.map((name) => {
    const alias = ALIASES[name.toLowerCase()]
    return alias !== undefined && fields.includes(alias) ? alias : nearestName(name, fields)
  })
  return meant.length === 0 || meant.includes(null) ? '' : `; did you mean ${[...new Set(meant)].join(', ')}?`
}

/** The name with the fewest edits, the first of equals; null when none is close. */
function nearestName(typed: string, names: Iterable<string>): string | null {
  let nearest: string | null = null
  let fewest = Math.min(MAX_EDITS, Math.floor(typed.length / 2)) + 1
  for (const name of names) {
    const edits = editsBetween(typed.toLowerCase().replaceAll('_', '-'), name.toLowerCase().replaceAll('_', '-'))
    if (edits < fewest) {
      nearest = name
      fewest = edits
    }
  }
  return nearest
}

/** Insertions, deletions, substitutions and exchanges of neighbours (optimal string alignment). */
function editsBetween(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1]
      const isExchanged = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row.push(Math.min(row[j - 1]! + 1, last[j]! + 1, last[j - 1]! + (isSame ? 0 : 1), isExchanged ? beforeLast[j - 2]! + 1 : Number.POSITIVE_INFINITY))
    }
    beforeLast = last
    last = row
  }
  return last[b.length]!
}
