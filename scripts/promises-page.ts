import type { ServicePromise, Suite } from '../test/promises/promise.ts'
import type { PromiseResult } from '../test/promises/results.ts'

/** The generated table of docs/reference/promises.md: what was promised, what was measured, and by which command. */
export function promiseTable(promises: readonly (ServicePromise & { readonly suite: Suite })[], results: readonly PromiseResult[]): string {
  const rows = promises.map(({ id, claim, target, suite }) => {
    const result = results.find((each) => each.id === id)
    const measured = result === undefined ? 'not measured yet | -' : `${cell(result.measured)} | ${result.isKept ? 'yes' : '**no**'}`
    return `| ${id} | ${cell(claim)} | ${cell(target)} | ${measured} | \`npm run test:${suite} ${id}\` |`
  })
  return ['| id | promise | target | measured | kept | command |', '|---|---|---|---|---|---|', ...rows].join('\n')
}

/** The machines on which the measurements ran, each once. */
export function promiseMachines(results: readonly PromiseResult[]): string {
  return [...new Set(results.map(({ machine }) => machine.replace(/, load .*$/, '')))].map((machine) => `* ${machine}`).join('\n')
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}
