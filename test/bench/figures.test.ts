import assert from 'node:assert/strict'
import { test } from 'node:test'
import { figureSvg } from '../../scripts/figures/figure.ts'
import { benchResults, performanceFigures, renderPerformance } from '../../scripts/performance-page.ts'
import { present } from '../support/present.ts'

/** Every tag is closed in order, and no number was missing where it was drawn. */
function assertWellFormed(svg: string): void {
  const open: string[] = []
  for (const [, close, name = '', empty] of svg.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/g)) {
    if (close === '/') assert.equal(open.pop(), name)
    else if (empty !== '/') open.push(name)
  }
  assert.deepEqual(open, [])
  assert.doesNotMatch(svg, /NaN|Infinity|undefined/)
}

test('bars are as long as their values, and what was not measured has none', () => {
  const svg = figureSvg({
    kind: 'bars',
    title: 'a < b & c',
    unit: 's',
    bars: [
      { label: 'own', value: 1 },
      { label: 'other', value: 4 },
      { label: 'skipped', value: Number.NaN }
    ]
  })
  assertWellFormed(svg)
  assert.match(svg, /a &lt; b &amp; c/)
  const widths = [...svg.matchAll(/<rect class="(?:fill0|other)"[^>]* width="([\d.]+)"/g)].map(([, width]) => Number(width))
  assert.equal(widths.length, 3)
  assert.ok(Math.abs(4 * present(widths[0]) - present(widths[1])) < 1)
  assert.equal(widths[2], 0)
})

test('lines rise with their values and keep to the plot', () => {
  const svg = figureSvg({
    kind: 'lines',
    title: 'growth',
    x: 'tokens',
    scale: 'logarithmic',
    y: 'ms',
    lines: [
      {
        label: 'a',
        points: [
          [128, 1],
          [256, 2],
          [1024, 3]
        ]
      },
      { label: 'b', points: [[512, 0.5]] }
    ]
  })
  assertWellFormed(svg)
  const points = [...svg.matchAll(/<polyline[^>]* points="([^"]*)"/g)].map(([, text = '']) => text.split(' ').map((point) => point.split(',').map(Number)))
  const [first = []] = points
  assert.equal(points.length, 2)
  assert.equal(first.length, 3)
  const [[x0 = 0, y0 = 0] = [], [x1 = 0, y1 = 0] = [], [x2 = 0, y2 = 0] = []] = first
  assert.ok(y0 > y1 && y1 > y2, 'up is less in SVG')
  // Twice and eight times the first x on a logarithmic axis.
  assert.ok(Math.abs(3 * (x1 - x0) - (x2 - x0)) < 1)
})

test('the page shows every figure that is written', () => {
  const results = benchResults()
  const page = renderPerformance(results)
  for (const [path, svg] of performanceFigures(results)) {
    assertWellFormed(svg)
    assert.ok(page.includes(`(${path.replace('docs/', '')})`), path)
  }
})
