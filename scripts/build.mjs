/**
 * Compiles the sources into dist/, unless dist/ already holds what they compile to: `node scripts/build.mjs`. With
 * `--if-possible`, an installation without the compiler is no error (npm ci --omit=dev).
 *
 * dist/ is up to date if the contents of all sources have the hash that the last successful build noted, and no output
 * has changed, vanished or come in since. Modification times of sources do not count: git moves them back.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Those of `include` in tsconfig.json. */
const FOLDERS = ['src', 'test', 'bench', 'scripts']
const OUTPUT = /(?:\.d\.ts|\.js)(?:\.map)?$/

/**
 * Builds the clone in `root` if its dist/ is stale, and says so on standard error. Returns null, or what went wrong.
 * The compiler prints its own messages.
 */
export function buildIfStale(root = join(import.meta.dirname, '..')) {
  const stamp = join(root, 'dist', 'build.json')
  const sources = hashOfSources(root)
  const noted = existsSync(stamp) ? JSON.parse(readFileSync(stamp, 'utf8')) : null
  if (noted?.sources === sources && noted.outputs === hashOfOutputs(root)) return null
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  if (!existsSync(compiler)) return 'dist/ does not match the sources, and the compiler is not installed; run npm ci'
  process.stderr.write(`logpr: building, because ${noted === null ? 'there is no complete build yet' : 'dist/ does not match the sources'}\n`)
  const began = performance.now()
  // Until it is written again, every start builds: this one may fail or be interrupted.
  rmSync(stamp, { force: true })
  const { status, signal } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.json'], { cwd: root, stdio: ['ignore', 2, 2] })
  if (status !== 0) return `the build failed (${signal ?? `exit code ${status}`})`
  deleteLeftovers(root)
  mkdirSync(join(root, 'dist'), { recursive: true })
  writeFileSync(stamp, JSON.stringify({ sources, outputs: hashOfOutputs(root) }))
  process.stderr.write(`logpr: built in ${((performance.now() - began) / 1000).toFixed(1)} s\n`)
  return null
}

/** Of the paths and contents of everything that decides what is compiled, and how. */
function hashOfSources(root) {
  const hash = createHash('sha256')
  const sources = FOLDERS.flatMap((folder) => filesIn(join(root, folder)).filter((file) => file.endsWith('.ts')))
  // The lock file names the version of the compiler.
  for (const file of [...sources, join(root, 'tsconfig.json'), join(root, 'package-lock.json')]) {
    hash
      .update(`${file.slice(root.length)}\0`)
      .update(readFileSync(file))
      .update('\0')
  }
  return hash.digest('hex')
}

/** Sizes and times are enough: what changes an output between two builds is another build. */
function hashOfOutputs(root) {
  const hash = createHash('sha256')
  for (const file of outputsIn(root)) {
    const { size, mtimeMs } = statSync(file)
    hash.update(`${file.slice(root.length)}\0${size}\0${mtimeMs}\0`)
  }
  return hash.digest('hex')
}

/** A file that no source compiles to any more would be imported, tested and packed as if it existed. */
function deleteLeftovers(root) {
  for (const file of outputsIn(root)) {
    const source = join(root, file.slice(join(root, 'dist').length).replace(OUTPUT, '.ts'))
    if (!existsSync(source)) rmSync(file)
  }
}

function outputsIn(root) {
  return FOLDERS.flatMap((folder) => filesIn(join(root, 'dist', folder)).filter((file) => OUTPUT.test(file)))
}

function filesIn(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => join(folder, name))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = join(import.meta.dirname, '..')
  const isPossible = existsSync(join(root, 'node_modules', 'typescript'))
  const fault = isPossible || !process.argv.includes('--if-possible') ? buildIfStale(root) : null
  if (fault !== null) {
    process.stderr.write(`logpr: ${fault}\n`)
    process.exitCode = 1
  }
}
