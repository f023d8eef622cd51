import type { PromiseResult } from '../test/promises/results.ts'

/** The generated table of docs/reference/promises.md: what was promised, what was measured, and by which command. */
export function promiseTable(results: readonly PromiseResult[]): string {
  const rows = results.map(
    ({ id, claim, target, measured, isKept, suite }) =>
      `| ${id} | ${cell(claim)} | ${cell(target)} | ${cell(measured)} | ${isKept ? 'yes' : '**no**'} | \`npm run test:${suite} ${id}\` |`
  )
  return ['| id | promise | target | measured | kept | command |', '|---|---|---|---|---|---|', ...rows].join('\n')
}

/** The machines on which the measurements ran, each once. */
export function promiseMachines(results: readonly PromiseResult[]): string {
  return [...new Set(results.map(({ machine }) => machine.replace(/, load .*$/, '')))].map((machine) => `* ${machine}`).join('\n')
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}
