import { elementAt } from '../element-at.ts'
import { quantileOf } from '../perplexity/corpus.ts'
import { label, rounded, svg } from './svg.ts'

/** Pixels. */
const WIDTH = 720
const HEIGHT = 340
const PLOT = { left: 72, right: 700, top: 66, bottom: 280 }
const MARGIN = 16
const BINS = 60
const TICKS = 4
/** Share of the values at each end that the outermost bars hold: a few large differences would flatten all others. */
const TAIL = 0.001

/** A histogram of differences in nats as SVG, symmetric around 0. `sorted` is in ascending order and not empty. */
export function deltaHistogram(sorted: Float64Array, { title }: { readonly title: string }): string {
  const limit = niceCeiling(Math.max(Math.abs(quantileOf(sorted, TAIL) ?? 0), Math.abs(quantileOf(sorted, 1 - TAIL) ?? 0)))
  const counts = new Float64Array(BINS)
  for (const value of sorted) {
    const bin = Math.min(BINS - 1, Math.max(0, Math.floor(((value + limit) / (2 * limit)) * BINS)))
    counts[bin] = elementAt(counts, bin) + 1
  }
  const top = niceCeiling((100 * Math.max(...counts)) / sorted.length)
  const x = (value: number): number => PLOT.left + ((PLOT.right - PLOT.left) * (value + limit)) / (2 * limit)
  const y = (percent: number): number => PLOT.bottom - ((PLOT.bottom - PLOT.top) * percent) / top
  const bars = Array.from(counts, (count, bin) => {
    const percent = (100 * count) / sorted.length
    const left = x(-limit + (2 * limit * bin) / BINS)
    const width = (PLOT.right - PLOT.left) / BINS - 1
    return count === 0
      ? ''
      : `<rect class="fill0" x="${rounded(left)}" y="${rounded(y(percent))}" width="${rounded(width)}" height="${rounded(PLOT.bottom - y(percent))}"/>`
  }).filter((bar) => bar !== '')
  const steps = Array.from({ length: TICKS + 1 }, (_, i) => i / TICKS)
  const horizontals = steps.flatMap((step) => {
    const at = rounded(y(top * step))
    const line = `<line class="${step === 0 ? 'axis' : 'grid'}" x1="${PLOT.left}" x2="${PLOT.right}" y1="${at}" y2="${at}"/>`
    return [line, label(PLOT.left - 8, at + 4, tick(top * step), 'end')]
  })
  const zero = rounded(x(0))
  const outside = sorted.reduce((sum, value) => sum + (Math.abs(value) > limit ? 1 : 0), 0)
  return svg(WIDTH, HEIGHT, title, [
    label(MARGIN, 22, title, 'title'),
    label(MARGIN, 48, '% of tokens'),
    ...horizontals,
    ...bars,
    `<line class="axis" x1="${zero}" x2="${zero}" y1="${PLOT.top}" y2="${PLOT.bottom}"/>`,
    ...steps.map((step) => label(x(limit * (2 * step - 1)), PLOT.bottom + 18, tick(limit * (2 * step - 1)), 'middle')),
    label((PLOT.left + PLOT.right) / 2, PLOT.bottom + 38, 'log Pr(token) under B minus A, in nats', 'middle'),
    label((PLOT.left + PLOT.right) / 2, PLOT.bottom + 54, `${outside} of ${sorted.length} tokens lie outside, in the outermost bars`, 'middle')
  ])
}

function tick(value: number): string {
  return String(Number(value.toPrecision(3)))
}

/** Rounds up to 1, 2, 4, 5 or 8 times a power of ten; 1 for 0. */
function niceCeiling(value: number): number {
  if (value <= 0) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  return power * ([1, 2, 4, 5, 8].find((step) => step * power >= value) ?? 10)
}
