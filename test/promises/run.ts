/**
 * `npm run test:faults`, `test:load` and `test:api`, each with ids to measure only these promises. Prints and keeps
 * what was measured, unless LOGPR_KEEP_RESULTS is false, as for a run of another size. Exits with code 1 if a promise
 * is not kept, and with 2 if no promise has one of the ids.
 */

import { describeMachine, machineLine } from '../../bench/support/machine.ts'
import { type Measured, promisesOf, type ServicePromise, SUITES, type Suite } from './promise.ts'
import { writeResult } from './results.ts'

const [name = '', ...ids] = process.argv.slice(2)
const suite = SUITES.find((each) => each === name)
if (suite === undefined) throw new Error(`there is no suite ${name}: name one of ${SUITES.join(', ')}`)
const promises = (await promisesOf(suite)).filter(({ id }) => ids.length === 0 || ids.includes(id))
if (promises.length === 0) {
  process.stderr.write(`no promise of the suite ${suite} has the id ${ids.join(' or ')}\n`)
  process.exit(2)
}
const broken: string[] = []
for (const promise of promises) {
  process.stdout.write(`${promise.id}  ${promise.claim}\n    target:   ${promise.target}\n`)
  const { isKept } = await measured(promise, suite)
  if (!isKept) broken.push(promise.id)
}
process.stdout.write(broken.length === 0 ? `all ${promises.length} promises are kept\n` : `NOT KEPT: ${broken.join(', ')}\n`)
process.exit(broken.length === 0 ? 0 : 1)

async function measured({ id, claim, target, measure }: ServicePromise, ofSuite: Suite): Promise<Measured> {
  const startedAtMs = performance.now()
  const machine = machineLine(describeMachine())
  const found = await measure()
  const seconds = Math.round((performance.now() - startedAtMs) / 1000)
  if (process.env.LOGPR_KEEP_RESULTS !== 'false') writeResult({ id, claim, target, suite: ofSuite, ...found, seconds, machine })
  process.stdout.write(`    measured: ${found.measured}\n    ${found.isKept ? 'kept' : 'NOT KEPT'}, ${seconds} s\n`)
  return found
}
