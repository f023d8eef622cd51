/**
 * `npm run faults [-- --write]`: plants every fault and prints which check notices it, and when. With --write the table
 * becomes docs/faults.md. Exit code 1 when fewer than 95 of 100 are noticed, or a harmless change is reported.
 */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { faultTable, isCaught, renderRow, TABLE_HEAD } from './table.ts'

const INTRODUCTION = `# Planted faults

One thing is made wrong at a time, in the graph, the weights, the scores on their way, the tokens, the service's books or the client, with the embedded model; everything else is the
real code. The cells name the checks of [checks.md](checks.md) that do not pass, or the error. Printed by \`npm run faults\`.

* *start-up*: the self-test of a model without stored answers; *with canary.json*: what the stored answers add
* *every request*: checks that come with each result; *verify: deep*: with deep verification, and so on the sampled share of traffic
* *while serving*: the canary, if the fault comes after the start
`

process.stdout.write(`${TABLE_HEAD}\n`)
const rows = await faultTable((row) => process.stdout.write(`${renderRow(row)}\n`))
const real = rows.filter(({ fault }) => !fault.isHarmless)
const caught = real.filter(isCaught)
const alarms = rows.filter((row) => row.fault.isHarmless && isCaught(row))
const harmless = rows.length - real.length - 1
const summary = `${caught.length} of ${real.length} faults are noticed (${((100 * caught.length) / real.length).toFixed(1)} %). Of the healthy service and ${harmless} harmless changes ${alarms.length} are reported.`
process.stdout.write(`\n${summary}\n`)
if (process.argv.includes('--write')) {
  const descriptions = rows.slice(1).map(({ fault }) => `* **${fault.name}**: ${fault.description}.`)
  const page = [INTRODUCTION, TABLE_HEAD, ...rows.map(renderRow), '', summary, '', '## The faults', '', ...descriptions, '']
  writeFileSync(join(PACKAGE_FOLDER, 'docs', 'faults.md'), page.join('\n'))
}
process.exit(caught.length >= 0.95 * real.length && alarms.length === 0 ? 0 : 1)
