import { startTokenizer } from '../../src/tokenizer/threads/thread-tokenizer.ts'
import { FAULTS } from './all.ts'
import type { Fault } from './fault.ts'
import { EMBEDDED_FOLDER } from './measure.ts'
import { type Findings, healthyService, tryFault } from './trial.ts'

export interface Row {
  readonly fault: Fault
  readonly findings: Findings
}

/** Places where a fault can be found, in chronological order. */
export const WHEN = ['start', 'known', 'request', 'deep', 'serving'] as const satisfies readonly (keyof Findings)[]
const HEALTHY: Fault = { name: 'none', kind: 'client', description: 'the unmodified service', isHarmless: true }

/** Plants every fault, after a trial without one. `onRow` is called after each trial. */
export async function faultTable(onRow: (row: Row) => void = () => {}): Promise<Row[]> {
  const tokenizer = await startTokenizer(EMBEDDED_FOLDER, () => {})
  const healthy = await healthyService(tokenizer)
  const rows: Row[] = []
  for (const fault of [HEALTHY, ...FAULTS]) {
    const row = { fault, findings: await tryFault(fault, healthy) }
    rows.push(row)
    onRow(row)
  }
  await healthy.model.release()
  await tokenizer.close()
  return rows
}

export function isCaught({ findings }: Row): boolean {
  return WHEN.some((when) => findings[when].length > 0)
}

/** A Markdown table with one line per fault. */
export function renderRow({ fault, findings }: Row): string {
  const cells = WHEN.map((when) => findings[when].join(', ') || '-')
  return `| ${fault.name}${fault.isHarmless ? ' (harmless)' : ''} | ${fault.kind} | ${cells.join(' | ')} |`
}

export const TABLE_HEAD = '| fault | planted in | start-up | with canary.json | every request | verify: deep | while serving |\n|---|---|---|---|---|---|---|'
