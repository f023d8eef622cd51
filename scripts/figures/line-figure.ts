import type { LineFigure } from '../../bench/support/figure.ts'
import { formatCell } from '../../bench/support/table.ts'
import { COLOUR_COUNT, label, rounded, svg } from '../../src/compare/svg.ts'

/** Pixels. */
const WIDTH = 720
const HEIGHT = 320
const PLOT = { left: 72, right: 700, top: 62, bottom: 268 }
const MARGIN = 16
const LEGEND_STEP = 160
const Y_TICKS = 4
/** With more points, only the line is drawn. */
const MOST_MARKS = 16

type Point = readonly [x: number, y: number]

/** Lines over x, with y from 0, and a legend if there are several. */
export function lineFigure({ title, x, scale, y, lines }: LineFigure): string {
  const points = lines.flatMap((line) => line.points)
  const top = niceCeiling(Math.max(...points.map(([, value]) => value), Number.MIN_VALUE))
  const xs = [...new Set(points.map(([value]) => value))].sort((a, b) => a - b)
  const [least = 1, most = 1] = [xs[0], xs.at(-1)]
  const along = scale === 'linear' ? (value: number): number => (value - least) / (most - least || 1) : logarithm
  function logarithm(value: number): number {
    return Math.log(value / least) / (Math.log(most / least) || 1)
  }
  const placed = ([px, py]: Point): Point => [
    rounded(PLOT.left + (PLOT.right - PLOT.left) * along(px)),
    rounded(PLOT.bottom - ((PLOT.bottom - PLOT.top) * py) / top)
  ]
  const drawn = lines.flatMap((line, i) => {
    const colour = i % COLOUR_COUNT
    const path = line.points.map(placed)
    const marks = path.length <= MOST_MARKS ? path.map(([cx, cy]) => `<circle class="fill${colour}" cx="${cx}" cy="${cy}" r="3.5"/>`) : []
    return [`<polyline class="line stroke${colour}" points="${path.map((point) => point.join()).join(' ')}"/>`, ...marks]
  })
  const legend = lines.length === 1 ? [] : lines.flatMap((line, i) => legendEntry(line.label, i, PLOT.right - LEGEND_STEP * (lines.length - i)))
  return svg(WIDTH, HEIGHT, title, [
    label(MARGIN, 22, title, 'title'),
    label(MARGIN, 50, y),
    ...legend,
    ...horizontals(top),
    ...ticksOf(xs, along).map((value) => label(placed([value, 0])[0], PLOT.bottom + 18, formatCell(value), 'middle')),
    label((PLOT.left + PLOT.right) / 2, HEIGHT - 14, x, 'middle'),
    ...drawn
  ])
}

function legendEntry(name: string, i: number, x: number): string[] {
  return [`<rect class="fill${i % COLOUR_COUNT}" x="${x}" y="40" width="12" height="12" rx="2"/>`, label(x + 18, 50, name)]
}

function horizontals(top: number): string[] {
  return Array.from({ length: Y_TICKS + 1 }, (_, i) => {
    const y = rounded(PLOT.bottom - ((PLOT.bottom - PLOT.top) * i) / Y_TICKS)
    return [
      `<line class="${i === 0 ? 'axis' : 'grid'}" x1="${PLOT.left}" x2="${PLOT.right}" y1="${y}" y2="${y}"/>`,
      label(PLOT.left - 8, y + 4, formatCell((top * i) / Y_TICKS), 'end')
    ]
  }).flat()
}

/** All values of x if they are few, else those nearest to five evenly spaced places. */
function ticksOf(xs: readonly number[], along: (x: number) => number): number[] {
  if (xs.length <= 8) return [...xs]
  return [...new Set([0, 0.25, 0.5, 0.75, 1].map((place) => xs.find((x) => along(x) >= place - 1e-9) ?? 0))]
}

/** Rounds up to 1, 2, 4, 5 or 8 times a power of ten. */
function niceCeiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return power * ([1, 2, 4, 5, 8].find((step) => step * power >= value) ?? 10)
}
