import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { machineLine } from '../bench/support/machine.ts'
import type { BenchResult } from '../bench/support/result.ts'
import { formatCell, renderMarkdown } from '../bench/support/table.ts'
import { PACKAGE_FOLDER } from '../src/package-info.ts'

const RESULTS = join(PACKAGE_FOLDER, 'bench', 'results')

/** What the benchmarks wrote the last time they were run and kept, in the order of their names. */
export function benchResults(): BenchResult[] {
  const files = readdirSync(RESULTS).filter((file) => file.endsWith('.json') && !file.endsWith('.local.json'))
  return files.sort().map((file) => JSON.parse(readFileSync(join(RESULTS, file), 'utf8')) as BenchResult)
}

/** docs/performance.md: one section a benchmark. */
export function renderPerformance(results: readonly BenchResult[]): string {
  const sections = results.map(({ name, question, machine, settings, tables, aims, notes }) => [
    `## ${question}`,
    `\`npm run bench -- ${name}\` on ${machineLine(machine)}. Settings: ${Object.entries(settings)
      .map(([key, value]) => `${key.replaceAll('_', ' ')} ${value}`)
      .join(', ')}.`,
    ...tables.map(renderMarkdown),
    aims.map(({ aim, measured, isMet }) => `- Aim: ${aim}. Measured ${formatCell(measured)}: ${isMet ? 'met' : '**not met**'}.`).join('\n'),
    ...notes
  ])
  return `${['# Performance', 'Generated from bench/results by `npm run docs`; do not edit.', ...sections.flat()].join('\n\n')}\n`
}

/** The figures of the README: what was aimed at and what was measured. */
export function renderAims(results: readonly BenchResult[]): string {
  const rows = results.flatMap(({ aims }) => aims).map(({ aim, measured, isMet }) => `| ${aim} | ${formatCell(measured)} | ${isMet ? 'yes' : '**no**'} |`)
  const [first] = results
  return `| aim | measured | met |\n|---|---|---|\n${rows.join('\n')}\n\nOn ${first === undefined ? 'no machine yet' : machineLine(first.machine)}.`
}
