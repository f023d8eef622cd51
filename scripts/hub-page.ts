import { EXIT_CODES } from '../src/cli/exit-codes.ts'
import { ERROR_KINDS } from '../src/http/problem.ts'
import { HUB_FAULTS } from '../test/hub/faults/all.ts'
import { PROCESS_FAULTS } from '../test/hub/faults/processes.ts'

/** The tables of docs/guides/hub.md. The tests of test/hub inject each failure and fail if it ends differently. */
export function hubBlocks(): Readonly<Record<string, string>> {
  return { faults: faultTable(), 'exit-codes': exitCodeTable() }
}

function faultTable(): string {
  const planted = HUB_FAULTS.map(({ name, end, requests, resumes }) => row(name, end, String(requests), resumes))
  const ended = Object.values(PROCESS_FAULTS).map(({ name, end, resumes }) => row(name, end, '', resumes))
  return ['| failure | how the pull ends | requests for the weights | resumes a partial file |', '|---|---|---|---|', ...planted, ...ended].join('\n')
}

function row(name: string, end: string, requests: string, resumes: boolean): string {
  return `| ${name} | ${end === 'right bytes' ? 'correct file' : `\`${end}\``} | ${requests} | ${resumes ? 'yes' : ''} |`
}

function exitCodeTable(): string {
  const lines = Object.entries(EXIT_CODES).map(([code, exit]) => `| ${exit} | \`${code}\` | ${ERROR_KINDS[code as keyof typeof EXIT_CODES].title}. |`)
  return `| exit code | code | meaning |\n|---|---|---|\n${lines.join('\n')}`
}
