import type { BarFigure } from '../../bench/support/figure.ts'
import { formatCell } from '../../bench/support/table.ts'
import { label, rounded, svg } from '../../src/compare/svg.ts'

/** Pixels. */
const WIDTH = 720
const MARGIN = 16
const LABELS = 290
const NUMBERS = 60
const BAR = { height: 20, gap: 8 }
const HEAD = 52

/** Horizontal bars from 0, with the first in another colour. */
export function barFigure({ title, unit, bars }: BarFigure): string {
  const longest = Math.max(...bars.map(({ value }) => value).filter(Number.isFinite), Number.MIN_VALUE)
  const room = WIDTH - 2 * MARGIN - LABELS - NUMBERS
  const rows = bars.flatMap(({ label: name, value }, i) => {
    const y = HEAD + i * (BAR.height + BAR.gap)
    const left = MARGIN + LABELS
    const width = Number.isFinite(value) ? Math.max(1, rounded((room * value) / longest)) : 0
    return [
      label(left - 8, y + 14, name, 'end'),
      `<rect class="${i === 0 ? 'fill0' : 'other'}" x="${left}" y="${y}" width="${width}" height="${BAR.height}" rx="3"/>`,
      label(left + width + 6, y + 14, formatCell(Number.isFinite(value) ? value : null))
    ]
  })
  const height = HEAD + bars.length * (BAR.height + BAR.gap) - BAR.gap + MARGIN
  return svg(WIDTH, height, title, [label(MARGIN, 22, title, 'title'), label(MARGIN + LABELS, 42, unit), ...rows])
}
