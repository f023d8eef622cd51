import { type ChildProcess, fork } from 'node:child_process'
import { extname } from 'node:path'
import type { FromEngine, ToEngine } from './protocol.ts'

interface ChildEvents {
  message(message: FromEngine): void
  /** A message could not be delivered, or the operating system reported an error. */
  error(error: Error): void
  /** Called exactly once, and last, even when the process could not be started. */
  exit(exitCode: number | null, signal: NodeJS.Signals | null): void
}

/** One engine process, from its start to its exit. */
export class EngineChild {
  readonly #process: ChildProcess
  readonly #onError: ChildEvents['error']
  #ignoresMessages = false

  constructor({ message, error: onError, exit }: ChildEvents) {
    const entry = new URL(`./process/entry${extname(import.meta.url)}`, import.meta.url)
    this.#onError = onError
    // The front process's stdout carries results of commands, so the child writes to stderr alone.
    this.#process = fork(entry, { serialization: 'advanced', stdio: ['ignore', process.stderr, process.stderr, 'ipc'] })
    this.#process.on('message', (received: FromEngine) => {
      if (!this.#ignoresMessages) message(received)
    })
    this.#process.on('error', (error) => {
      onError(error)
      // Node emits no 'exit' for a process that could not be started.
      if (this.#process.pid === undefined) exit(null, null)
    })
    this.#process.once('exit', (exitCode, signal) => {
      // Messages still in the channel would be taken for those of its successor.
      this.#ignoresMessages = true
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
      if (error) this.#onError(error)
    })
  }

  /** SIGKILL: the process has nothing to save, and handles no signal while a forward pass blocks its main thread. */
  kill(): void {
    this.#process.kill('SIGKILL')
  }

  /** Kills it and ignores messages that it has sent already: they may be wrong. */
  discard(): void {
    this.#ignoresMessages = true
    this.kill()
  }

  /** Discards it and resolves when the process has ended. */
  async close(): Promise<void> {
    this.#ignoresMessages = true
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const ended = new Promise((resolve) => this.#process.once('exit', resolve))
    this.kill()
    await ended
  }
}
