import type { Cell, ResultTable } from './result.ts'

/** Three significant digits, but at least all digits of the integer part. */
export function formatCell(cell: Cell): string {
  if (cell === null) return '-'
  if (typeof cell === 'string') return cell
  const size = Math.abs(cell)
  if (size >= 100 || cell === 0) return Math.round(cell).toLocaleString('en')
  return size < 0.001 ? cell.toExponential(1) : String(Number(cell.toPrecision(3)))
}

/** A table with aligned columns, numbers to the right. */
export function renderText({ title, columns, rows }: ResultTable): string {
  const lines = [columns, ...rows.map((row) => row.map(formatCell))]
  const widths = columns.map((_, c) => Math.max(...lines.map((line) => line[c]?.length ?? 0)))
  const isNumeric = columns.map((_, c) => rows.every((row) => typeof row[c] !== 'string'))
  const render = (line: readonly string[]): string => line.map((cell, c) => (isNumeric[c] ? cell.padStart(widths[c]!) : cell.padEnd(widths[c]!))).join('  ')
  return [title, ...lines.map((line) => `  ${render(line)}`.trimEnd())].join('\n')
}

export function renderMarkdown({ title, columns, rows }: ResultTable): string {
  const isNumeric = columns.map((_, c) => rows.every((row) => typeof row[c] !== 'string'))
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [`**${title}**`, '', line(columns), line(isNumeric.map((right) => (right ? '---:' : '---'))), ...rows.map((row) => line(row.map(formatCell)))].join(
    '\n'
  )
}
