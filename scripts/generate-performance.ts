/** `node dist/scripts/generate-performance.js`: writes docs/performance.md from bench/results/*.json. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { machineLine } from '../bench/support/machine.ts'
import type { BenchResult } from '../bench/support/result.ts'
import { formatCell, renderMarkdown } from '../bench/support/table.ts'
import { PACKAGE_FOLDER } from '../src/package-info.ts'

const RESULTS = join(PACKAGE_FOLDER, 'bench', 'results')

/** One section a benchmark, in the order of their names. */
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
  return `${['# Performance', 'Generated from bench/results by scripts/generate-performance.ts; do not edit.', ...sections.flat()].join('\n\n')}\n`
}

const files = readdirSync(RESULTS).filter((file) => file.endsWith('.json') && !file.endsWith('.local.json'))
const results = files.sort().map((file) => JSON.parse(readFileSync(join(RESULTS, file), 'utf8')) as BenchResult)
writeFileSync(join(PACKAGE_FOLDER, 'docs', 'performance.md'), renderPerformance(results))
