/**
 * Scores every model of a folder over HTTP and compares the results with its oracle:
 *
 *     node dist/test/matrix/run.js MODELS [RESULTS.json] [NAME...]
 *
 * MODELS is a folder written by scripts/models/make.py. Prints the results as a table and writes them as JSON. Exits
 * with code 1 if a score or a rejection is wrong.
 */
import { basename } from 'node:path'
import { foldersWithOracle, readOracle } from './oracle.ts'
import { writeResults } from './results.ts'
import { type Outcome, runModel } from './run-model.ts'
import { matrixTable } from './table.ts'

/** Each service scores on one thread. */
const SERVICES_AT_A_TIME = 2

const [models = '', results = '', ...names] = process.argv.slice(2)
const folders = foldersWithOracle(models).filter((folder) => names.length === 0 || names.includes(basename(folder)))
const trials = folders.flatMap((folder) => {
  const oracle = readOracle(folder)
  return oracle.files.map((file) => () => runModel(folder, oracle, file))
})

const began = performance.now()
const outcomes: Outcome[] = Array(trials.length)
const left = [...trials.entries()]
await Promise.all(
  Array.from({ length: SERVICES_AT_A_TIME }, async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const [i, trial] = next
      const outcome = await trial()
      outcomes[i] = outcome
      process.stderr.write(`${outcome.model} ${outcome.dtype}: ${outcome.problem ?? 'ok'}\n`)
    }
  })
)

const failed = outcomes.filter(({ problem }) => problem !== null)
process.stdout.write(`${matrixTable(outcomes)}\n`)
const seconds = Math.round((performance.now() - began) / 1000)
const architectures = new Set(outcomes.flatMap(({ architecture, toFloat64 }) => (toFloat64 === null ? [] : [architecture]))).size
process.stdout.write(`${outcomes.length} files of ${folders.length} models, ${architectures} architectures, ${failed.length} mismatches, ${seconds} s\n`)
if (results !== '') writeResults(results, outcomes)
process.exit(failed.length === 0 && outcomes.length > 0 ? 0 : 1)
