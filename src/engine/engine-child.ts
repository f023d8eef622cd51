import { type ChildProcess, fork } from 'node:child_process'
import { extname } from 'node:path'
import type { FromEngine, ToEngine } from './protocol.ts'

/** What its owner hears of an engine process. `exit` comes exactly once, also when it could not be started, and last. */
interface ChildEvents {
  message(message: FromEngine): void
  /** A message that could not be delivered, or an operating-system error. */
  trouble(error: Error): void
  exit(exitCode: number | null, signal: NodeJS.Signals | null): void
}

/** One engine process: what is sent to it, what comes back, and its end. */
export class EngineChild {
  readonly #process: ChildProcess
  readonly #trouble: ChildEvents['trouble']
  #isSilenced = false

  constructor({ message, trouble, exit }: ChildEvents) {
    const entry = new URL(`./process/entry${extname(import.meta.url)}`, import.meta.url)
    this.#trouble = trouble
    // stdout belongs to the caller's results.
    this.#process = fork(entry, { serialization: 'advanced', stdio: ['ignore', process.stderr, process.stderr, 'ipc'] })
    this.#process.on('message', (received: FromEngine) => {
      if (!this.#isSilenced) message(received)
    })
    this.#process.on('error', (error) => {
      trouble(error)
      // One that could not be started at all has no exit.
      if (this.#process.pid === undefined) exit(null, null)
    })
    this.#process.once('exit', (exitCode, signal) => {
      // What it said before its end may still be in the channel, and would be taken for its successor's.
      this.#isSilenced = true
      exit(exitCode, signal)
    })
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  send(message: ToEngine): void {
    // The channel may close between a crash and its 'exit' event, which then decides what happens to the batch.
    if (!this.#process.connected) return
    this.#process.send(message, (error) => {
      if (error) this.#trouble(error)
    })
  }

  /** Nothing in it needs saving, and inside a forward pass it would not hear anything gentler. */
  kill(): void {
    this.#process.kill('SIGKILL')
  }

  /** Kills it, and drops what it still says: an answer on its way may be wrong. */
  killUnheard(): void {
    this.#isSilenced = true
    this.kill()
  }

  /** Kills it unheard and resolves when it is gone. */
  async end(): Promise<void> {
    this.#isSilenced = true
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const gone = new Promise((resolve) => this.#process.once('exit', resolve))
    this.kill()
    await gone
  }
}

const NAMES = ['start', 'batch', 'restart'] as const
type Name = (typeof NAMES)[number]

/** What an engine process is waited for: its start, its answer, and the pause before its successor. One timer of each. */
export class EngineTimers {
  readonly #timers: Partial<Record<Name, NodeJS.Timeout>> = {}

  set(name: Name, afterMs: number, then: () => void): void {
    this.clear(name)
    this.#timers[name] = setTimeout(then, afterMs)
  }

  clear(...names: readonly Name[]): void {
    for (const name of names) clearTimeout(this.#timers[name])
  }

  clearAll(): void {
    this.clear(...NAMES)
  }
}
