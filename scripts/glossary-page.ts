import { ERROR_KINDS } from '../src/http/problem.ts'
import { CHECK_CATALOG } from '../src/scoring/checks/check.ts'
import { describedMetrics } from './reference-pages.ts'

/** The generated blocks of docs/glossary.md: the three closed sets of names, each with its meaning. */
export async function glossaryBlocks(): Promise<{ readonly checks: string; readonly errors: string; readonly metrics: string }> {
  const checks = Object.entries<{ readonly condition: string }>(CHECK_CATALOG)
  const errors = Object.entries<{ readonly title: string }>(ERROR_KINDS)
  const metrics = await describedMetrics()
  return {
    checks: table(
      'check id',
      checks.map(([id, { condition }]) => [`[\`${id}\`](reference/checks.md#${id})`, sentence(condition)])
    ),
    errors: table(
      'error code',
      errors.map(([code, { title }]) => [`\`${code}\``, `${title}.`])
    ),
    metrics: table(
      'metric',
      metrics.map(({ name, help }) => [`\`${name}\``, help])
    )
  }
}

function table(name: string, rows: readonly (readonly [string, string])[]): string {
  return [`| ${name} | meaning |`, '|---|---|', ...rows.map(([id, meaning]) => `| ${id} | ${meaning} |`)].join('\n')
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}
