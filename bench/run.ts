/** `npm run bench [-- NAME ...]`: runs benchmarks one after the other, prints their tables, writes bench/results/NAME.json. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PACKAGE_FOLDER } from '../src/package-info.ts'
import { describeMachine, machineLine } from './support/machine.ts'
import type { BenchResult, Findings } from './support/result.ts'
import { formatCell, renderText } from './support/table.ts'

const BENCHES: Readonly<Record<string, () => Promise<{ run(): Promise<Findings> }>>> = {
  'scoring-graph': () => import('./scoring-graph.ts'),
  'http-overhead': () => import('./http-overhead.ts'),
  'check-overhead': () => import('./check-overhead.ts'),
  'event-loop': () => import('./event-loop.ts'),
  'tokenize-latency': () => import('./tokenize-latency.ts'),
  'several-models': () => import('./several-models.ts'),
  'model-loading': () => import('./model-loading.ts'),
  'prefix-cache': () => import('./prefix-cache.ts')
}
const RESULTS = join(PACKAGE_FOLDER, 'bench', 'results')

// So that servers started here are ended with this process; see startServer.
process.once('SIGTERM', () => process.exit(143))

const wanted = process.argv.slice(2)
const unknown = wanted.find((name) => BENCHES[name] === undefined)
if (unknown !== undefined) {
  process.stderr.write(`there is no benchmark ${unknown}; there are ${Object.keys(BENCHES).join(', ')}\n`)
  process.exit(2)
}
for (const name of wanted.length === 0 ? Object.keys(BENCHES) : wanted) {
  const machine = describeMachine()
  process.stdout.write(`\n== ${name} ==\n${machineLine(machine)}\n`)
  const { run } = await BENCHES[name]!()
  const result: BenchResult = { name, machine, ...(await run()) }
  print(result)
  mkdirSync(RESULTS, { recursive: true })
  writeFileSync(join(RESULTS, `${name}.json`), `${JSON.stringify(result, null, 2)}\n`)
}
// Sessions of onnxruntime would be taken down in whatever order; nothing is left to do.
process.exit(0)

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
