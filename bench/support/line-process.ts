import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** A child process that answers each JSON line on stdin with one on stdout. */
export interface LineProcess {
  /** Its message when it became ready. */
  readonly ready: string
  readonly pid: number
  ask<Answer>(work: object): Promise<Answer>
  close(): Promise<void>
}

/** How much of its output is included in the error when it ends. */
const KEPT_CHARACTERS = 2000

/** Starts the process and waits for its line `{"ready": ...}`. Rejects with the end of its stderr if it exits first. */
export async function startLineProcess(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<LineProcess> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  const end = (): boolean => child.kill('SIGTERM')
  process.once('exit', end)
  let printed = ''
  child.stderr.on('data', (chunk: Buffer) => {
    printed = (printed + chunk.toString('utf8')).slice(-KEPT_CHARACTERS)
  })
  let waiting: { readonly resolve: (line: string) => void; readonly reject: (error: Error) => void } | null = null
  let gone: Error | null = null
  createInterface(child.stdout).on('line', (line) => waiting?.resolve(line))
  const ended = new Promise<void>((resolve) => {
    const fail = (what: string): void => {
      gone ??= new Error(`${command} ${args[0] ?? ''} ${what}: ${printed.trim()}`)
      waiting?.reject(gone)
      resolve()
    }
    child.once('error', (error) => fail(`could not be started (${error.message})`))
    child.once('close', (code, signal) => fail(`ended with ${code ?? signal}`))
    // The event `close` reports its end.
    child.stdin.on('error', () => {})
  })
  const next = async <Answer>(): Promise<Answer> => {
    const line = await new Promise<string>((resolve, reject) => {
      if (gone === null) waiting = { resolve, reject }
      else reject(gone)
    })
    return JSON.parse(line) as Answer
  }

  const { ready } = await next<{ ready: string }>()
  return {
    ready,
    pid: child.pid ?? 0,
    ask(work) {
      const answer = next<never>()
      child.stdin.write(`${JSON.stringify(work)}\n`)
      return answer
    },
    async close() {
      child.stdin.end()
      end()
      await ended
      process.off('exit', end)
    }
  }
}
