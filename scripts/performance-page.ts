import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { BENCHES } from '../bench/benchmarks.ts'
import type { Figure } from '../bench/support/figure.ts'
import { machineLine } from '../bench/support/machine.ts'
import type { BenchResult } from '../bench/support/result.ts'
import { formatCell, renderMarkdown } from '../bench/support/table.ts'
import { PACKAGE_FOLDER } from '../src/process/package-info.ts'
import { figureSvg } from './figures/figure.ts'
import { wrapped } from './wrapped.ts'

const RESULTS = join(PACKAGE_FOLDER, 'bench', 'results')

/** The stored results of the benchmarks, in the order of `npm run bench`. */
export function benchResults(): BenchResult[] {
  const files = readdirSync(RESULTS).filter((file) => file.endsWith('.json') && !file.endsWith('.local.json'))
  const names = Object.keys(BENCHES)
  const results = files.map((file) => JSON.parse(readFileSync(join(RESULTS, file), 'utf8')) as BenchResult)
  return results.sort((a, b) => names.indexOf(a.name) - names.indexOf(b.name))
}

/** A note of more results than this is shown once, in the section on how to read the results. */
const COMMON_NOTE_RESULTS = 3
const INTRODUCTION = [
  'This page is for you if you want to know how fast logpr is, how much memory it needs, and how it compares with other tools. At the end you know what was measured, on which machine, and how to repeat it.',
  '`npm run docs` generates this page from `bench/results`; do not edit it.'
]
const HOW_TO_READ = [
  'Each section answers one question. Its first line is the command that repeats the measurement, followed by the machine (`load` is the load average before the run) and the settings.',
  'p50, p95 and p99 are percentiles; p50 is the median.',
  'A target is a limit that the project set for itself. Unmet targets are listed like the others.',
  'A difference in nats per token is the largest difference of a log-probability between two ways to compute it. Differences below 1e-4 are float32 rounding: sums in a different order.'
]

/** docs/performance.md: a table of all targets, then one section per benchmark. */
export function renderPerformance(results: readonly BenchResult[]): string {
  const common = commonNotes(results)
  const sections = results.map(({ name, question, machine, settings, tables, aims, notes, figures = [] }) => [
    `## ${question}`,
    wrapped(`\`npm run bench -- ${name}\` on ${machineLine(machine)}.`),
    wrapped(
      `Settings: ${Object.entries(settings)
        .map(([key, value]) => `${key.replaceAll('_', ' ')} ${value}`)
        .join(', ')}.`
    ),
    ...figures.map(({ title }, i) => `![${title}](figures/${figureFile(name, i)})`),
    ...tables.map(renderMarkdown),
    ...(aims.length === 0
      ? []
      : [list(aims.map(({ aim, measured, isMet }) => `Target: ${aim}. Measured ${formatCell(measured)}: ${isMet ? 'met' : '**not met**'}.`))]),
    ...notes.filter((note) => !common.includes(note)).map((note) => wrapped(note))
  ])
  return `${[
    '# Performance',
    ...INTRODUCTION.map((text) => wrapped(text)),
    ['* [All targets](#all-targets)', ...results.map(({ question }) => `* [${question}](#${anchorOf(question)})`)].join('\n'),
    '## How to read the results',
    list(HOW_TO_READ),
    'In the comparisons with other tools:',
    list(common),
    '## All targets',
    renderAims(results),
    ...sections.flat()
  ].join('\n\n')}\n`
}

function commonNotes(results: readonly BenchResult[]): string[] {
  const notes = results.flatMap((result) => result.notes)
  return [...new Set(notes)].filter((note) => notes.filter((other) => other === note).length > COMMON_NOTE_RESULTS)
}

function list(items: readonly string[]): string {
  return items.map((item) => wrapped(`* ${item}`, '  ')).join('\n')
}

/** The anchor that GitHub gives a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')
}

/** The figures of docs/performance.md: path and SVG. */
export function performanceFigures(results: readonly BenchResult[]): [path: string, svg: string][] {
  return results.flatMap(({ name, figures = [] }) =>
    figures.map((figure: Figure, i): [string, string] => [`docs/figures/${figureFile(name, i)}`, figureSvg(figure)])
  )
}

function figureFile(name: string, index: number): string {
  return `${name}${index === 0 ? '' : `-${index + 1}`}.svg`
}

/** Every target of every benchmark, met or missed. */
function renderAims(results: readonly BenchResult[]): string {
  const rows = results.flatMap(({ name, aims }) =>
    aims.map(({ aim, measured, isMet }) => `| ${name} | ${aim} | ${formatCell(measured)} | ${isMet ? 'yes' : '**no**'} |`)
  )
  return `| benchmark | target | measured | met |\n|---|---|---|---|\n${rows.join('\n')}`
}
