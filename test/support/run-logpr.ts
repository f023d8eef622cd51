import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { MAIN } from './running-service.ts'

interface Run {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

interface RunOptions {
  readonly input?: string
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

/** Runs a command of logpr to its end. */
export async function logpr(argv: readonly string[], { input = '', env = {}, cwd }: RunOptions = {}): Promise<Run> {
  const child = spawn(process.execPath, [MAIN, ...argv], { env: { ...process.env, ...env }, cwd })
  // A command that ends without reading its input closes the pipe.
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), exitCode(child)])
  return { code, stdout, stderr }
}

function exitCode(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? -1)))
}

const HAS_SCRIPT = process.platform === 'linux' && spawnSync('script', ['--version']).status === 0
/** Options of a test that needs a terminal. */
export const WITH_TERMINAL = { skip: HAS_SCRIPT ? false : 'script(1) of util-linux is missing' }

/**
 * Runs a shell command on a terminal of its own, made by script(1). `type` has what a person types, each once the text
 * before it has appeared. Returns all that the terminal received.
 */
export async function onTerminal(command: string, type: readonly (readonly [after: string, keys: string])[] = [], cwd?: string) {
  const shell = `stty cols 90 rows 24; logpr() { '${process.execPath}' '${MAIN}' "$@"; }; ${command}`
  const child = spawn('script', ['--quiet', '--return', '--command', shell, '/dev/null'], {
    env: { ...process.env, SHELL: '/bin/bash' },
    stdio: ['pipe', 'pipe', 'inherit'],
    cwd
  })
  let output = ''
  let seen = 0
  const left = [...type]
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk
    const [next] = left
    const at = next === undefined ? -1 : output.indexOf(next[0], seen)
    if (next === undefined || at < 0) return
    seen = at + next[0].length
    left.shift()
    child.stdin.write(next[1])
  })
  return { code: await exitCode(child), output }
}
