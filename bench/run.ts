/**
 * `npm run bench [-- NAME ...]`: runs benchmarks in sequence, prints their tables and writes bench/results/NAME.json.
 */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PACKAGE_FOLDER } from '../src/process/package-info.ts'
import { BENCHES, GROUPS } from './benchmarks.ts'
import { describeMachine, machineLine } from './support/machine.ts'
import type { BenchResult } from './support/result.ts'
import { formatCell, renderText } from './support/table.ts'

const RESULTS = join(PACKAGE_FOLDER, 'bench', 'results')

// Ends the servers together with this process; see startServer.
process.once('SIGTERM', () => process.exit(143))

const wanted = process.argv.slice(2).flatMap((name) => GROUPS[name] ?? [name])
const unknown = wanted.find((name) => BENCHES[name] === undefined)
if (unknown !== undefined) {
  process.stderr.write(`there is no benchmark ${unknown}; there are ${[...Object.keys(GROUPS), ...Object.keys(BENCHES)].join(', ')}\n`)
  process.exit(2)
}
// Results with another model or less time are not kept: git and the page ignore these files.
const isTrial = process.env.LOGPR_BENCH_GPT2 !== undefined || process.env.LOGPR_BENCH_BUDGET !== undefined
const failed: string[] = []
for (const name of wanted.length === 0 ? Object.keys(BENCHES) : wanted) {
  const machine = describeMachine()
  process.stdout.write(`\n== ${name} ==\n${machineLine(machine)}\n`)
  try {
    const result: BenchResult = { name, machine, ...(await BENCHES[name]!()) }
    print(result)
    mkdirSync(RESULTS, { recursive: true })
    writeFileSync(join(RESULTS, `${name}${isTrial ? '.local' : ''}.json`), `${JSON.stringify(result, null, 2)}\n`)
  } catch (error) {
    // The others may still succeed, and this one can be run again alone.
    failed.push(name)
    process.stdout.write(`failed: ${error instanceof Error ? error.stack : error}\n`)
  }
}
if (failed.length > 0) process.stdout.write(`\nfailed: ${failed.join(', ')}\n`)
// Exits without the destructors of onnxruntime's sessions, whose order is undefined.
process.exit(failed.length > 0 ? 1 : 0)

function print({ question, settings, tables, notes, aims }: BenchResult): void {
  const lines = [
    question,
    Object.entries(settings)
      .map(([key, value]) => `${key} ${value}`)
      .join(', '),
    ...tables.map((table) => `\n${renderText(table)}`),
    '',
    ...notes,
    ...aims.map(({ aim, measured, isMet }) => `aim: ${aim}: ${formatCell(measured)}, ${isMet ? 'met' : 'NOT MET'}`)
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}
