import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PACKAGE_FOLDER } from '../../../src/process/package-info.ts'
import type { Measured, ServicePromise } from '../promise.ts'

interface Lock {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly integrity?: string; readonly hasInstallScript?: boolean }>>
}
interface BillOfMaterials {
  readonly bomFormat: string
  readonly components: readonly { readonly name: string; readonly hashes?: readonly unknown[] }[]
}

/** The outcome of an audit by the registry; `null` when the registry does not offer it. */
function auditFinds(args: readonly string[]): { readonly isClean: boolean | null; readonly text: string } {
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd: PACKAGE_FOLDER, encoding: 'utf8' })
  if (status === 0) return { isClean: true, text: 'nothing found' }
  const isUnavailable =
    /endpoint returned an error|network|ENOTFOUND|ECONNREFUSED|40[45]/.test(stdout + stderr) && !/vulnerabilit|invalid signature/.test(stdout)
  return isUnavailable ? { isClean: null, text: 'not offered by the registry of this run' } : { isClean: false, text: 'findings' }
}

async function measure(): Promise<Measured> {
  const { packages } = JSON.parse(readFileSync(join(PACKAGE_FOLDER, 'package-lock.json'), 'utf8')) as Lock
  const locked = Object.entries(packages).filter(([path]) => path !== '')
  const withoutHash = locked.filter(([, { integrity }]) => integrity?.startsWith('sha512-') !== true).length
  // npm runs an install script only of a package for which the lock file notes one.
  const ignoresScripts = locked.every(([, { hasInstallScript }]) => hasInstallScript !== true)
  const isInSync = spawnSync('npm', ['ci', '--dry-run'], { cwd: PACKAGE_FOLDER }).status === 0
  const bill = JSON.parse(execFileSync('npm', ['run', '--silent', 'sbom'], { cwd: PACKAGE_FOLDER, encoding: 'utf8', maxBuffer: 2 ** 28 })) as BillOfMaterials
  const production = locked.filter(([, { dev }]) => dev !== true)
  const names = new Set(production.map(([path]) => path.replace(/^.*node_modules\//, '')))
  const isComplete =
    bill.bomFormat === 'CycloneDX' && [...names].every((name) => bill.components.some((component) => component.name === name && component.hashes?.length === 1))
  const audits = { audit: auditFinds(['audit', '--audit-level=high']), 'audit signatures': auditFinds(['audit', 'signatures']) }
  return {
    isKept: withoutHash === 0 && ignoresScripts && isInSync && isComplete && Object.values(audits).every(({ isClean }) => isClean !== false),
    measured:
      `${locked.length} locked packages, ${withoutHash} without hash; install scripts ${ignoresScripts ? 'off' : 'ON'}; npm ci ${isInSync ? 'agrees with the lock file' : 'FAILS'}; ` +
      `bill of materials: ${bill.components.length} components, ${isComplete ? 'every production package with its hash' : 'INCOMPLETE'}; ` +
      Object.entries(audits)
        .map(([name, { text }]) => `npm ${name}: ${text}`)
        .join('; ')
  }
}

export const promises: readonly ServicePromise[] = [
  {
    id: 'G5',
    claim: 'An installation consists of the locked packages, runs none of their scripts, and is listed in a bill of materials.',
    target:
      'every package locked with SHA-512; install scripts off; CycloneDX lists every production package; npm audit (high) and npm audit signatures find nothing where the registry offers them',
    measure
  }
]
