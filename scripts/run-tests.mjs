/** Runs the built tests with Node's own runner: `node scripts/run-tests.mjs [folder or file under test/ ...]`. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { plannedProcesses } from '../dist/scripts/test-plan.js'

/** Node's runner starts a process per file. Each file written here loads all test files of one planned process. */
const ENTRIES = join(import.meta.dirname, '..', 'dist', `test-processes-${process.pid}`)

// For the Python programs that tests start; logpr sets it by itself (src/process/no-telemetry.ts).
process.env.ORT_DISABLE_TELEMETRY = '1'

const wanted = process.argv.slice(2)
const processes = plannedProcesses(wanted)
if (processes.length === 0) {
  process.stderr.write(`no test matches ${wanted.join(', ')}\n`)
  process.exit(2)
}
mkdirSync(ENTRIES)
const entries = processes.map(({ name, files }, i) => {
  // The runner starts them in the order of their names.
  const entry = join(ENTRIES, `${String(i).padStart(3, '0')}-${name.replaceAll('/', '-')}.js`)
  writeFileSync(entry, `import { declareFiles } from '../scripts/test-process.js'\n\nawait declareFiles(${JSON.stringify(files)})\n`)
  return entry
})
const { status } = spawnSync(
  process.execPath,
  ['--enable-source-maps', '--test', '--test-reporter=spec', `--test-concurrency=${availableParallelism()}`, ...entries],
  { stdio: 'inherit' }
)
rmSync(ENTRIES, { recursive: true, force: true })
process.exit(status ?? 1)
