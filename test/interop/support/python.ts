import { execFile, spawnSync } from 'node:child_process'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { PACKAGE_FOLDER } from '../../../src/process/package-info.ts'
import { present } from '../../support/present.ts'

const run = promisify(execFile)

/** The interpreter that .ci/run makes, or that LOGPR_INTEROP_PYTHON names. */
export const PYTHON = process.env.LOGPR_INTEROP_PYTHON ?? join(PACKAGE_FOLDER, '.venv-oracle', 'bin', 'python')

/**
 * Options of a test that needs Python packages: skipped with the reason where one is missing. Under CI a missing one is
 * a failure.
 */
export function needing(...modules: string[]): { skip: string | false } {
  const program = `import importlib.util, sys; print(*[name for name in sys.argv[1:] if importlib.util.find_spec(name) is None])`
  const { status, stdout } = spawnSync(PYTHON, ['-c', program, ...modules], { encoding: 'utf8' })
  const reason = status === 0 ? (stdout.trim() === '' ? null : `not installed for Python: ${stdout.trim()}`) : `${PYTHON} cannot be run`
  if (reason !== null && process.env.CI === 'true') throw new Error(`${reason}: the interop suite must run in CI`)
  return { skip: reason ?? false }
}

export interface Finished {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/**
 * The environment of every client: its programs first in PATH, no look at any hub, and one thread of each numerical
 * library, because those that spin while they wait slow each other down on few cores.
 */
function clientEnv(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  return {
    ...process.env,
    PATH: `${dirname(PYTHON)}${delimiter}${process.env.PATH}`,
    HF_HUB_OFFLINE: '1',
    HF_DATASETS_OFFLINE: '1',
    TRANSFORMERS_OFFLINE: '1',
    HF_HUB_DISABLE_TELEMETRY: '1',
    TOKENIZERS_PARALLELISM: 'false',
    OMP_NUM_THREADS: '1',
    ...more
  }
}

/** Runs a program to its end; a failure is an exit code, not an exception. */
export async function runProgram(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd: string = PACKAGE_FOLDER
): Promise<Finished> {
  try {
    const { stdout, stderr } = await run(file, args, { env: clientEnv(env), cwd, maxBuffer: 1 << 28 })
    return { code: 0, stdout, stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as Finished
    return { code: typeof code === 'number' ? code : 1, stdout, stderr }
  }
}

/** Parses the last line of a Python program's output as JSON. Throws with its output when it fails. */
export async function pythonJson(script: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<unknown> {
  const { code, stdout, stderr } = await runProgram(PYTHON, ['-W', 'ignore', join(PACKAGE_FOLDER, 'test', 'interop', script), ...args], env)
  if (code !== 0) throw new Error(`${script} ended with ${code}: ${stdout}\n${stderr}`)
  return JSON.parse(present(stdout.trim().split('\n').at(-1)))
}
