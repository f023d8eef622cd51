/**
 * Runs the built tests with Node's own runner: `node scripts/run-tests.mjs [folder or file under test/ ...]`.
 * Node 20's `--test` takes no patterns, so the files are listed here.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..', 'dist', 'test')
/** Suites that need more than Node run on their own, from .ci/run. */
const SEPARATE = ['interop', 'slow']

const wanted = process.argv.slice(2).map((name) => name.replace(/^test\//, '').replace(/\.ts$/, '.js'))
const files = readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.js'))
  .filter((file) => (wanted.length === 0 ? !SEPARATE.some((suite) => file.startsWith(suite)) : wanted.some((name) => file.startsWith(name))))
  .sort()
if (files.length === 0) {
  process.stderr.write(`no test matches ${wanted.join(', ')}\n`)
  process.exit(2)
}
const { status } = spawnSync(
  process.execPath,
  ['--enable-source-maps', '--test', '--test-reporter=spec', '--test-concurrency=2', ...files.map((file) => join(ROOT, file))],
  {
    stdio: 'inherit'
  }
)
process.exit(status ?? 1)
