import type { CatalogEntry } from '../src/scoring/checks/catalog/entry.ts'
import { CHECK_CATALOG } from '../src/scoring/checks/check.ts'
import { wrapped } from './wrapped.ts'

const WHEN: Readonly<Record<CatalogEntry['runs'][number], string>> = {
  request: 'with every result',
  deep: 'with `verify: "deep"` and on the sampled share of traffic',
  start: 'in the start-up self-test',
  loss: 'with `POST /v1/loss`'
}

/** The generated blocks of docs/reference/checks.md: an overview, and one section per check. */
export function checksBlocks(): { overview: string; checks: string } {
  const entries = Object.entries<CatalogEntry>(CHECK_CATALOG)
  const rows = entries.map(([id, { runs, condition, cost }]) => `| [\`${id}\`](#${id}) | ${runs.join(', ')} | ${condition} | ${cost} |`)
  return {
    overview: `| check | runs | condition | cost |\n|---|---|---|---|\n${rows.join('\n')}`,
    checks: entries.map(([id, entry]) => sectionOf(id, entry)).join('\n\n')
  }
}

function sectionOf(id: string, { runs, condition, formula, tolerance, cost, causes, advice }: CatalogEntry): string {
  const lines = [
    `* Formula: \`${formula.replaceAll('`', "'")}\``,
    `* Tolerance: ${tolerance}`,
    `* Cost: ${cost}`,
    `* Likely causes, most likely first: ${causes.map((cause, i) => `(${i + 1}) ${cause}`).join('; ')}`,
    `* What to do: ${advice}`
  ].map((line) => wrapped(line, '  '))
  return [`### ${id}`, '', wrapped(`${sentence(condition)} Runs: ${runs.map((run) => WHEN[run]).join('; ')}.`), '', ...lines].join('\n')
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}
