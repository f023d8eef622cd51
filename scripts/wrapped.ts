/** Line width of generated prose. */
const WIDTH = 118
/** A line that starts with one of these would become a list item, a heading, a quotation or a table row. */
const MARKUP = /^([-+*#>|]|\d+[.)])$/

/** Wraps a Markdown paragraph or list item at `WIDTH` columns. Lines after the first start with `indent`. */
export function wrapped(text: string, indent = ''): string {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const longer = line === '' ? `${lines.length === 0 ? '' : indent}${word}` : `${line} ${word}`
    if (line !== '' && longer.length > WIDTH && !MARKUP.test(word)) {
      lines.push(line)
      line = `${indent}${word}`
    } else line = longer
  }
  return [...lines, line].join('\n')
}
