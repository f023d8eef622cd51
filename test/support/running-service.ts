import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { type Asked, posted } from './asked.ts'
import { present } from './present.ts'

export const MAIN = join(PACKAGE_FOLDER, 'dist', 'src', 'main.js')

/** A `logpr serve` in its own process, on a free port. */
export interface RunningService extends Asked {
  readonly url: string
  /** Where the probes and metrics are: the management port when there is one. */
  readonly managementUrl: string
  readonly process: ChildProcess
  /** All log lines so far. */
  readonly log: readonly string[]
  /** Process id of the only engine, or of the engine of the model with this id. */
  enginePid(model?: string): number
  untilReady(): Promise<void>
  /** Sends SIGTERM and returns the exit code. */
  stop(): Promise<number | null>
}

/** Without the result cache, a repeated request reaches the engine. */
const DEFAULTS = { LOGPR_PORT: '0', LOGPR_RESULT_CACHE_BYTES: '0' }

export async function startService(env: Readonly<Record<string, string>> = {}): Promise<RunningService> {
  const service = await startListening(env)
  await service.untilReady()
  return service
}

/**
 * Returns once the service listens, which may be before it is ready. `launcher` is a command with arguments that
 * replaces itself with the one that follows, such as `nice`.
 */
export async function startListening(env: Readonly<Record<string, string>>, launcher: readonly string[] = []): Promise<RunningService> {
  const [command = process.execPath, ...args] = [...launcher, process.execPath, MAIN, 'serve']
  const child = spawn(command, args, { env: { ...process.env, ...DEFAULTS, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const log: string[] = []
  const { url, managementUrl } = await new Promise<Pick<RunningService, 'url' | 'managementUrl'>>((resolve, reject) => {
    const take = (line: string): void => {
      log.push(line)
      const address = /"address":"(http:[^"]+)".*"listening"/.exec(line)?.[1]
      if (address !== undefined) resolve({ url: address, managementUrl: /"managementAddress":"(http:[^"]+)"/.exec(line)?.[1] ?? address })
    }
    createInterface({ input: child.stdout }).on('line', take)
    createInterface({ input: child.stderr }).on('line', take)
    child.once('exit', (code) => reject(new Error(`the service ended with ${code} before it listened: ${log.join('\n')}`)))
  })

  return {
    url,
    managementUrl,
    process: child,
    log,
    enginePid(model) {
      const ready = log.flatMap((line) => (line.includes('"engine ready"') ? [JSON.parse(line) as { model: string; processId: number }] : []))
      return model === undefined ? present(childPids(present(child.pid))[0]) : present(ready.findLast((engine) => engine.model === model)?.processId)
    },
    post: (path, body, init) => fetch(url + path, posted(body, init)),
    get: (path) => fetch(url + path),
    async untilReady() {
      for (const deadline = Date.now() + 30_000; Date.now() < deadline; await pause(20)) {
        const isReady = await fetch(`${managementUrl}/readyz`).then(
          ({ status }) => status === 200,
          () => false
        )
        if (isReady) return
        if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the service ended before it was ready: ${log.join('\n')}`)
      }
      throw new Error(`the service was not ready within 30 s: ${log.join('\n')}`)
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
      child.kill('SIGTERM')
      const [code] = (await once(child, 'exit')) as [number | null]
      return code
    }
  }
}

/** Exit code and output of a `logpr serve` that ends by itself. The code is null if it runs longer than two minutes. */
export async function endOfStart(env: Readonly<Record<string, string>>): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn(process.execPath, [MAIN, 'serve'], { env: { ...process.env, LOGPR_PORT: '0', ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  // Without the limit, a service that starts after all would block the test for ever.
  const tooLong = setTimeout(() => child.kill('SIGKILL'), 120_000)
  const [[code], ...written] = await Promise.all([once(child, 'exit') as Promise<[number | null]>, text(child.stdout), text(child.stderr)])
  clearTimeout(tooLong)
  return { code, output: written.join('') }
}

/** Child processes of `pid`. A service has one, its engine. */
export function childPids(pid: number): number[] {
  try {
    return execFileSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .map(Number)
  } catch {
    return []
  }
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
