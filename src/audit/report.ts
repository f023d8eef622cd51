import type { AuditReport } from './audit.ts'
import { CHECKS, type CheckResult, type RequestBody } from './result.ts'

/** How a person sends the requests of a report again. */
export interface CurlTarget {
  readonly url: string
  /** Variable that holds the API key; null when none is sent. */
  readonly keyVariable: string | null
}

/** A command line for a POSIX shell. The key stays in its variable. */
function curlOf(body: RequestBody, { url, keyVariable }: CurlTarget): string {
  const key = keyVariable === null ? '' : ` -H "Authorization: Bearer $${keyVariable}"`
  return `curl -sS ${quoted(url)}${key} -H 'Content-Type: application/json' -d ${quoted(JSON.stringify(body))}`
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

/** What a program reads; field names as in the API. */
export function reportJson(report: AuditReport, target: CurlTarget, settings: Readonly<Record<string, unknown>>): object {
  return {
    object: 'audit',
    url: target.url,
    ...settings,
    findings: report.findingCount,
    requests: report.requestCount,
    prompt_tokens: report.promptTokens,
    checks: report.checks.map(({ id, status, compared, largestDifference, notes, findingCount, findings }) => ({
      id,
      compares: CHECKS[id],
      status,
      compared,
      largest_difference: largestDifference,
      notes,
      finding_count: findingCount,
      findings: findings.map(({ message, requests }) => ({ message, curl: requests.map((body) => curlOf(body, target)) }))
    }))
  }
}

const NUMBER_COLUMNS = 10

/** The table of all checks, then each finding with the commands that show it. */
export function reportText(report: AuditReport, target: CurlTarget): string {
  const width = Math.max(...report.checks.map(({ id }) => id.length))
  const head = `${'check'.padEnd(width)}  result   ${'compared'.padStart(NUMBER_COLUMNS)}  ${'largest'.padStart(NUMBER_COLUMNS)}  difference in nats`
  const rows = report.checks.flatMap((check) => [rowOf(check, width), ...check.notes.map((note) => `${' '.repeat(width + 2)}note: ${printable(note)}`)])
  const found = report.checks.flatMap(({ id, findings, findingCount }) =>
    findings.map(({ message, requests }, i) => {
      const more = i === 0 && findingCount > findings.length ? ` (the first ${findings.length} of ${findingCount})` : ''
      return [`${id}: ${printable(message)}${more}`, ...requests.map((body) => `  ${printable(curlOf(body, target))}`)].join('\n')
    })
  )
  const skipped = report.checks.filter(({ status }) => status === 'skipped').length
  const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`
  const summary = `${count(report.findingCount, 'finding')}, ${count(skipped, 'check')} skipped; ${count(report.requestCount, 'request')}, ${count(report.promptTokens, 'prompt token')}`
  return [head, ...rows, '', ...found.flatMap((text) => [text, '']), summary].join('\n')
}

const RESULTS = { pass: 'pass', fail: 'FAIL', skipped: 'skipped' } as const

function rowOf({ id, status, compared, largestDifference }: CheckResult, width: number): string {
  const largest = largestDifference === null ? '' : largestDifference === 0 ? '0' : largestDifference.toPrecision(3)
  return `${id.padEnd(width)}  ${RESULTS[status].padEnd(7)}  ${String(compared).padStart(NUMBER_COLUMNS)}  ${largest.padStart(NUMBER_COLUMNS)}`
}

/** Without what a terminal would obey: a server chose parts of the text. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`)
}
