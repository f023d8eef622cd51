import { type ChildProcess, fork } from 'node:child_process'
import { extname } from 'node:path'
import { AwakeTimeout } from '../process/awake-timeout.ts'
import type { EngineSpec, FromEngine, ToEngine } from './protocol.ts'

/** Beats per heartbeat timeout. */
const BEATS = 8
/** Position of the heartbeat pipe in the child's `stdio`. */
const HEARTBEAT_DESCRIPTOR = 4

interface ChildEvents {
  message(message: FromEngine): void
  /** A message could not be delivered, or the operating system reported an error. */
  error(error: Error): void
  /** The process no longer makes progress: it is stopped, or its main thread neither computes nor waits. */
  silent(): void
  /** Called exactly once, and last, even when the process could not be started. */
  exit(exitCode: number | null, signal: NodeJS.Signals | null): void
}

/** One engine process, from its start to its exit. */
export class EngineChild {
  readonly #process: ChildProcess
  readonly #onError: ChildEvents['error']
  readonly #heartbeatTimeoutMs: number
  #silence: AwakeTimeout | undefined
  #ignoresMessages = false

  constructor(heartbeatTimeoutMs: number, { message, error: onError, silent, exit }: ChildEvents) {
    const entry = new URL(`./process/entry${extname(import.meta.url)}`, import.meta.url)
    this.#onError = onError
    // The front process's stdout carries results of commands, so the child writes to stderr alone.
    this.#process = fork(entry, { serialization: 'advanced', stdio: ['ignore', process.stderr, process.stderr, 'ipc', 'pipe'] })
    this.#heartbeatTimeoutMs = heartbeatTimeoutMs
    // Node leaves `stdio` out when the process could not be started, for example without free file descriptors.
    const heartbeat = (this.#process.stdio as ChildProcess['stdio'] | undefined)?.[HEARTBEAT_DESCRIPTOR]
    heartbeat?.on('data', () => {
      if (this.#ignoresMessages) return
      this.#silence ??= new AwakeTimeout(heartbeatTimeoutMs, silent)
      this.#silence.postpone()
    })
    heartbeat?.on('error', onError)
    this.#process.on('message', (received: FromEngine) => {
      if (!this.#ignoresMessages) message(received)
    })
    this.#process.on('error', (error) => {
      onError(error)
      // Node emits no 'exit' for a process that could not be started.
      if (this.#process.pid === undefined) exit(null, null)
    })
    this.#process.once('exit', (exitCode, signal) => {
      this.#silence?.clear()
      // Messages still in the channel would be taken for those of its successor.
      this.#ignoresMessages = true
      exit(exitCode, signal)
    })
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  load(spec: EngineSpec): void {
    this.send({ kind: 'load', spec, heartbeat: { descriptor: HEARTBEAT_DESCRIPTOR, intervalMs: this.#heartbeatTimeoutMs / BEATS } })
  }

  send(message: ToEngine): void {
    // The channel may close between a crash and its 'exit' event, which then decides what happens to the batch.
    if (!this.#process.connected) return
    this.#process.send(message, (error) => {
      if (error) this.#onError(error)
    })
  }

  /** Kills it and ignores messages that it has sent already: they may be wrong. */
  discard(): void {
    this.#ignoresMessages = true
    this.#silence?.clear()
    // SIGKILL: it has nothing to save, and handles no signal while a forward pass blocks its main thread.
    this.#process.kill('SIGKILL')
  }

  /** Discards it and resolves when the process has ended. */
  async close(): Promise<void> {
    const hasEnded = this.#process.exitCode !== null || this.#process.signalCode !== null
    const ended = hasEnded ? undefined : new Promise((resolve) => this.#process.once('exit', resolve))
    this.discard()
    await ended
  }
}
