/**
 * `npm run faults [-- --write]`: plants every fault and prints which check reports it and when. With --write it also
 * writes docs/reference/faults.md. Exits with code 1 if fewer than 95 % of the faults are reported, or if a harmless
 * change is.
 */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { wrapped } from '../../scripts/wrapped.ts'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { faultTable, isCaught, renderRow, TABLE_HEAD } from './table.ts'

const INTRODUCTION = `# Planted faults

This page is for you if you want to know which faults logpr detects, and when. It is the evidence behind
[checks.md](checks.md): a test plants one fault at a time and records which check reports it.

Each fault is planted in one place: the graph, the weights, the scores on their way out of the engine, the tokens,
the service's bookkeeping, the client, or the sharing of prefixes. The model is the embedded one; everything else is the
real code. A cell names the failed checks, or the error.

\`npm run faults\` plants all faults and prints the table; \`npm run faults -- --write\` also writes this page.

* [Which check reports which fault](#which-check-reports-which-fault)
* [What each fault changes](#what-each-fault-changes)

| column | what runs |
|---|---|
| start-up | the self-test of a model without stored answers |
| with canary.json | the comparison with stored answers, in addition |
| every request | the checks of each result |
| verify: deep | deep verification, which also runs on the sampled share of traffic |
| while serving | the canary, if the fault appears after the start |

## Which check reports which fault
`

process.stdout.write(`${TABLE_HEAD}\n`)
const rows = await faultTable((row) => process.stdout.write(`${renderRow(row)}\n`))
const real = rows.filter(({ fault }) => !fault.isHarmless)
const caught = real.filter(isCaught)
const alarms = rows.filter((row) => row.fault.isHarmless && isCaught(row))
const harmless = rows.length - real.length - 1
const summary = `${caught.length} of ${real.length} faults are reported (${((100 * caught.length) / real.length).toFixed(1)} %). The healthy service and ${harmless} harmless changes cause ${alarms.length} false alarms.`
process.stdout.write(`\n${summary}\n`)
if (process.argv.includes('--write')) {
  const descriptions = rows.slice(1).map(({ fault }) => wrapped(`* **${fault.name}**: ${fault.description}.`, '  '))
  const page = [INTRODUCTION, TABLE_HEAD, ...rows.map(renderRow), '', wrapped(summary), '', '## What each fault changes', '', ...descriptions, '']
  writeFileSync(join(PACKAGE_FOLDER, 'docs', 'reference', 'faults.md'), page.join('\n'))
}
process.exit(caught.length >= 0.95 * real.length && alarms.length === 0 ? 0 : 1)
