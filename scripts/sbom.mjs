/**
 * Prints the bill of materials of an installation, CycloneDX in JSON: `npm run --silent sbom > logpr.cdx.json`.
 *
 * `npm sbom --omit dev` leaves out every production package that a development package needs too, onnxruntime-node
 * among them, so this takes the list of all packages and removes those that package-lock.json marks as development.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const folder = join(import.meta.dirname, '..')
const { name, packages } = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'))
const installed = new Set(
  Object.entries(packages)
    .filter(([path, { dev }]) => path !== '' && dev !== true)
    .map(([path, { version }]) => `${path.replace(/^.*node_modules\//, '')}@${version}`)
)
const written = execFileSync('npm', ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'], {
  cwd: folder,
  encoding: 'utf8',
  maxBuffer: 2 ** 28,
  shell: process.platform === 'win32'
})
const all = JSON.parse(written)
const components = all.components.filter((component) => installed.has(`${component.name}@${component.version}`))
const missing = [...installed].filter((id) => !components.some((component) => id === `${component.name}@${component.version}`))
if (missing.length > 0) {
  process.stderr.write(`npm sbom left out ${missing.join(', ')}\n`)
  process.exit(1)
}
const kept = new Set([all.metadata.component['bom-ref'], ...components.map((component) => component['bom-ref'])])
const dependencies = all.dependencies
  .filter(({ ref }) => kept.has(ref))
  .map((each) => ({ ...each, dependsOn: (each.dependsOn ?? []).filter((ref) => kept.has(ref)) }))
// npm names the root after its folder.
const metadata = { ...all.metadata, component: { ...all.metadata.component, name } }
process.stdout.write(`${JSON.stringify({ ...all, metadata, components, dependencies }, null, 2)}\n`)
