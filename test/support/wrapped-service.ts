import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { type Asked, posted } from './asked.ts'
import { freePorts } from './free-port.ts'
import { present } from './present.ts'
import { childPids, MAIN, pause } from './running-service.ts'

export interface WrappedService extends Asked {
  readonly url: string
  /** The front process itself, which the wrapping command becomes or starts. */
  readonly pid: number
  readonly process: ChildProcess
  /** Its log. Nobody reads it unless the test does. */
  readonly log: Readable | null
  /** Waits until `/readyz` is 200; returns the seconds it took. */
  untilReady(limitS?: number): Promise<number>
  /** Sends SIGTERM to the front. Returns the exit code and the seconds it took; null when it runs longer than 20 s. */
  stop(): Promise<{ readonly code: number | null; readonly seconds: number }>
}

/**
 * A service under a command that changes its surroundings, such as `prlimit`. The command has to become the service;
 * with `unshare --fork`, its child is the service. `log` is where standard output goes: a descriptor, or a pipe.
 */
export async function startWrapped(
  command: readonly string[],
  { env = {}, log = 'pipe' }: { readonly env?: Readonly<Record<string, string>>; readonly log?: number | 'pipe' } = {}
): Promise<WrappedService> {
  const [port] = await freePorts(1)
  const [program, ...args] = [...command, process.execPath, MAIN, 'serve']
  const child = spawn(present(program), args, {
    env: { ...process.env, LOGPR_RESULT_CACHE_BYTES: '0', LOGPR_PORT: String(port), ...env },
    stdio: ['ignore', log, log]
  })
  const url = `http://127.0.0.1:${port}`
  const isForked = command.includes('--fork')
  const frontPid = async (): Promise<number> => {
    for (const deadline = Date.now() + 10_000; Date.now() < deadline; await pause(1)) {
      const pid = isForked ? childPids(present(child.pid))[0] : child.pid
      if (pid !== undefined) return pid
    }
    throw new Error('the wrapping command started nothing')
  }
  const pid = await frontPid()
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  return {
    url,
    pid,
    process: child,
    log: child.stdout,
    post: (path, body, init) => fetch(url + path, posted(body, init)),
    get: (path) => fetch(url + path),
    async untilReady(limitS = 60) {
      const startedAtMs = performance.now()
      for (; performance.now() - startedAtMs < 1000 * limitS; await pause(20)) {
        if (child.exitCode !== null) throw new Error(`the service ended with ${child.exitCode} before it was ready`)
        const isReady = await fetch(`${url}/readyz`).then(
          ({ status }) => status === 200,
          () => false
        )
        if (isReady) return (performance.now() - startedAtMs) / 1000
      }
      throw new Error(`the service was not ready within ${limitS} s`)
    },
    async stop() {
      const startedAtMs = performance.now()
      process.kill(pid, 'SIGTERM')
      const code = await Promise.race([ended.then(([exitCode]) => exitCode), pause(20_000).then(() => null)])
      const seconds = (performance.now() - startedAtMs) / 1000
      if (code === null) process.kill(pid, 'SIGKILL')
      return { code, seconds }
    }
  }
}
