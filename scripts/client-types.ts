import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PACKAGE_FOLDER } from '../src/process/package-info.ts'

const GENERATOR = 'openapi-typescript@7.13.0'
/** The generator needs the compiler API, which TypeScript 7 does not have. */
const COMPILER = 'typescript@5.9.3'

const FILE = join(PACKAGE_FOLDER, 'src/client/openapi.ts')

/**
 * The types of src/client/openapi.ts for the text of openapi.yaml. Only where the file in the repository was made from
 * another text, or was edited, the generator is fetched and runs: tests need no network while the file is current.
 */
export function clientTypes(openapi: string): string {
  const current = existsSync(FILE) ? readFileSync(FILE, 'utf8') : ''
  const [head = '', ...lines] = current.split('\n')
  return head === headOf(openapi, lines.join('\n')) ? current : generated(openapi)
}

function generated(openapi: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'logpr-types-'))
  try {
    const [input, output] = [join(folder, 'openapi.yaml'), join(folder, 'openapi.ts')]
    writeFileSync(input, openapi)
    const packages = [GENERATOR, COMPILER].flatMap((name) => ['-p', name])
    const { status, stderr } = spawnSync(
      'npx',
      ['--yes', ...packages, 'openapi-typescript', input, '-o', output, '--empty-objects-unknown', '--default-non-nullable', 'false'],
      { cwd: folder, encoding: 'utf8' }
    )
    if (status !== 0) throw new Error(`${GENERATOR} could not make src/client/openapi.ts from openapi.yaml: ${stderr}`)
    const types = readFileSync(output, 'utf8')
    return `${headOf(openapi, types)}\n${types}`
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The first line of the file: it names the text that the types came from, and what they were. */
function headOf(openapi: string, types: string): string {
  const hash = createHash('sha256').update(openapi).update(types).digest('hex')
  return `// Generated from openapi.yaml with ${GENERATOR} by \`npm run docs\`. SHA-256 of both: ${hash}`
}
