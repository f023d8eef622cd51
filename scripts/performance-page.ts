import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { BENCHES } from '../bench/benchmarks.ts'
import type { Figure } from '../bench/support/figure.ts'
import { machineLine } from '../bench/support/machine.ts'
import type { BenchResult } from '../bench/support/result.ts'
import { formatCell, renderMarkdown } from '../bench/support/table.ts'
import { PACKAGE_FOLDER } from '../src/process/package-info.ts'
import { figureSvg } from './figures/figure.ts'

const RESULTS = join(PACKAGE_FOLDER, 'bench', 'results')

/** What the benchmarks wrote the last time they were run and kept, in the order in which `npm run bench` does them. */
export function benchResults(): BenchResult[] {
  const files = readdirSync(RESULTS).filter((file) => file.endsWith('.json') && !file.endsWith('.local.json'))
  const names = Object.keys(BENCHES)
  const results = files.map((file) => JSON.parse(readFileSync(join(RESULTS, file), 'utf8')) as BenchResult)
  return results.sort((a, b) => names.indexOf(a.name) - names.indexOf(b.name))
}

/** docs/performance.md: a table of all aims, then one section for each benchmark. */
export function renderPerformance(results: readonly BenchResult[]): string {
  const sections = results.map(({ name, question, machine, settings, tables, aims, notes, figures = [] }) => [
    `## ${question}`,
    `\`npm run bench -- ${name}\` on ${machineLine(machine)}. Settings: ${Object.entries(settings)
      .map(([key, value]) => `${key.replaceAll('_', ' ')} ${value}`)
      .join(', ')}.`,
    ...figures.map(({ title }, i) => `![${title}](figures/${figureFile(name, i)})`),
    ...tables.map(renderMarkdown),
    aims.map(({ aim, measured, isMet }) => `- Aim: ${aim}. Measured ${formatCell(measured)}: ${isMet ? 'met' : '**not met**'}.`).join('\n'),
    ...notes
  ])
  const intro = ['# Performance', 'Generated from bench/results by `npm run docs`; do not edit.', '## All aims', renderAims(results)]
  return `${[...intro, ...sections.flat()].join('\n\n')}\n`
}

/** The drawings of docs/performance.md: path and SVG. */
export function performanceFigures(results: readonly BenchResult[]): [path: string, svg: string][] {
  return results.flatMap(({ name, figures = [] }) =>
    figures.map((figure: Figure, i): [string, string] => [`docs/figures/${figureFile(name, i)}`, figureSvg(figure)])
  )
}

function figureFile(name: string, index: number): string {
  return `${name}${index === 0 ? '' : `-${index + 1}`}.svg`
}

/** Every aim of every benchmark, met and missed. */
function renderAims(results: readonly BenchResult[]): string {
  const rows = results.flatMap(({ name, aims }) =>
    aims.map(({ aim, measured, isMet }) => `| ${name} | ${aim} | ${formatCell(measured)} | ${isMet ? 'yes' : '**no**'} |`)
  )
  return `| benchmark | aim | measured | met |\n|---|---|---|---|\n${rows.join('\n')}`
}
