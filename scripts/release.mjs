/**
 * Packs a tag and publishes the package with provenance: `node scripts/release.mjs [--dry-run]`. Runs in a job of a CI
 * service that can vouch for itself (npm's documentation lists them), with a token in NODE_AUTH_TOKEN or as a trusted
 * publisher. Lists everything that speaks against a release, not only the first. A dry run does all but publish,
 * whatever it finds. The tarball is left in the current folder.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')
const isDryRun = process.argv.includes('--dry-run')
const { version, repository } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
const tag = `v${version}`

const git = (...args) => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim()
const faults = [
  [git('status', '--porcelain') !== '', 'the working tree has changes that are not committed'],
  [!git('tag', '--points-at', 'HEAD').split('\n').includes(tag), `HEAD does not have the tag ${tag}`],
  [!new RegExp(`^## \\[${version}\\] - \\d{4}-\\d\\d-\\d\\d$`, 'm').test(readText('CHANGELOG.md')), `CHANGELOG.md has no section with a date for ${version}`],
  [!readText('docker-compose.yml').includes(`LOGPR_TAG:-${version}`), `docker-compose.yml names another version than ${version}`],
  [repository === undefined, 'package.json has no repository, which the statement of provenance must name'],
  [Object.keys(process.env).every((name) => name !== 'CI'), 'this is no CI job: only a CI service can state the provenance']
].flatMap(([isFault, text]) => (isFault ? [text] : []))
for (const fault of faults) say(`${isDryRun ? 'would not publish' : 'not published'}: ${fault}`)
if (faults.length > 0 && !isDryRun) process.exit(1)

const folder = mkdtempSync(join(tmpdir(), 'logpr-release-'))
try {
  process.exitCode = release(join(folder, 'clone'))
} finally {
  rmSync(folder, { recursive: true })
}

/** From a clone of what is committed, so that no file of this folder gets into the package. Returns the exit code. */
function release(clone) {
  execFileSync('git', ['clone', '--quiet', ROOT, clone])
  npm(clone, 'ci', '--no-audit')
  const name = `logpr-${version}.tgz`
  npm(clone, 'pack', '--silent')
  const tarball = join(process.cwd(), name)
  copyFileSync(join(clone, name), tarball)
  const content = readFileSync(tarball)
  say(`${name}: ${content.length.toLocaleString('en')} bytes, sha512-${createHash('sha512').update(content).digest('base64')}`)
  const how = isDryRun ? ['--dry-run'] : ['--provenance', '--access', 'public']
  return spawnSync('npm', ['publish', tarball, '--loglevel', 'error', ...how], { cwd: clone, stdio: 'inherit' }).status ?? 1
}

function npm(clone, ...args) {
  execFileSync('npm', args, { cwd: clone, stdio: ['ignore', 2, 2] })
}

function readText(name) {
  return readFileSync(join(ROOT, name), 'utf8')
}

function say(text) {
  process.stdout.write(`${text}\n`)
}
