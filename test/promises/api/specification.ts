import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { PACKAGE_FOLDER } from '../../../src/process/package-info.ts'
import { startService } from '../../support/running-service.ts'
import type { Measured, ServicePromise } from '../promise.ts'

const SCHEMATHESIS = join(PACKAGE_FOLDER, '.venv-api', 'bin', 'st')
const FILES = join(PACKAGE_FOLDER, 'test', 'api')
const TARGET_EXAMPLES = 1000
/** Examples per operation; fewer for a quick run. */
const EXAMPLES = Number(process.env.LOGPR_API_EXAMPLES ?? TARGET_EXAMPLES)

/** The same requests in every run, so that a finding is one of a change and not of chance. */
const SEED = Number(process.env.LOGPR_API_SEED ?? 1)

/** The end of the report of Schemathesis, whatever it ends with. */
async function report(url: string): Promise<{ readonly code: number; readonly text: string }> {
  const args = [
    '--config-file',
    join(FILES, 'schemathesis.toml'),
    'run',
    `${url}/openapi.json`,
    '--mode',
    'all',
    '--max-examples',
    String(EXAMPLES),
    '--seed',
    String(SEED),
    '--phases',
    'examples,coverage,fuzzing,stateful'
  ]
  const checks = ['--checks', 'all', '--max-response-time', '30', '--request-timeout', '60']
  const env = { ...process.env, SCHEMATHESIS_HOOKS: join(FILES, 'schemathesis_hooks.py') }
  // It writes its cache of examples to the folder that it runs in.
  const options = { env, cwd: mkdtempSync(join(tmpdir(), 'logpr-api-')), maxBuffer: 1 << 28 }
  try {
    const { stdout } = await promisify(execFile)(SCHEMATHESIS, [...args, ...checks, '--continue-on-failure', '--no-color', '--warnings', 'off'], options)
    return { code: 0, text: stdout }
  } catch (error) {
    const { code, stdout } = error as { code: number; stdout: string }
    process.stdout.write(stdout)
    return { code, text: stdout }
  }
}

async function measure(): Promise<Measured> {
  if (!existsSync(SCHEMATHESIS)) throw new Error('Schemathesis is missing: python3 -m venv .venv-api && .venv-api/bin/pip install -r test/api/requirements.txt')
  const service = await startService()
  try {
    const { code, text } = await report(service.url)
    if (service.process.exitCode !== null || service.process.signalCode !== null)
      throw new Error(`the service ended during the run: ${service.log.slice(-5).join('\n')}`)
    const cases = /^\s*(\d+) generated.*$/m.exec(text)?.[0].trim() ?? 'no summary'
    // A result that is kept must be one of the target.
    const isLargeEnough = EXAMPLES >= TARGET_EXAMPLES || process.env.LOGPR_KEEP_RESULTS === 'false'
    return { isKept: code === 0 && isLargeEnough, measured: `${EXAMPLES} examples per operation, modes positive and negative, seed ${SEED}: ${cases}` }
  } finally {
    await service.stop()
  }
}

export const promises: readonly ServicePromise[] = [
  {
    id: 'F1',
    claim: 'The service behaves as its OpenAPI document says',
    target: 'Schemathesis with all checks: 0 findings at 1,000 examples per operation, no status of 500 or above',
    measure
  }
]
