/** `npm run faults`: plants every fault and prints which check notices it, and when. */
import { faultTable, isCaught, renderRow, TABLE_HEAD } from './table.ts'

process.stdout.write(`${TABLE_HEAD}\n`)
const rows = await faultTable((row) => process.stdout.write(`${renderRow(row)}\n`))
const real = rows.filter(({ fault }) => !fault.isHarmless)
const caught = real.filter(isCaught)
const alarms = rows.filter((row) => row.fault.isHarmless && isCaught(row))
process.stdout.write(
  `\n${caught.length} of ${real.length} faults caught (${((100 * caught.length) / real.length).toFixed(1)} %); ${rows.length - real.length} harmless changes, ${alarms.length} reported.\n`
)
process.exit(caught.length >= 0.95 * real.length && alarms.length === 0 ? 0 : 1)
