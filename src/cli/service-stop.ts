import closeWithGrace from 'close-with-grace'
import type { Logger } from 'pino'

/**
 * Stops the service once, for whatever reason comes first: SIGTERM or SIGINT (exit code 0), a failure (its own code),
 * or an unexpected error (1). A second signal, or a stop that takes longer than `timeoutMs`, ends the process at once.
 */
export class ServiceStop {
  /** The exit code after a failure. After a signal the process ends without it. */
  readonly exitCode: Promise<number>
  readonly #timeoutMs: number
  readonly #log: Logger
  #stop: () => Promise<void> = async () => {}
  #stopped: Promise<void> | undefined
  #failureCode: number | undefined
  #end: (exitCode: number) => void = () => {}

  /** Handles signals and unexpected errors from now on; SIGHUP only if it does not mean to read the key file again. */
  constructor(timeoutMs: number, log: Logger, isReloadedBySighup: boolean) {
    this.#timeoutMs = timeoutMs
    this.#log = log
    this.exitCode = new Promise((resolve) => {
      this.#end = resolve
    })
    closeWithGrace({ delay: timeoutMs, logger: false, skip: isReloadedBySighup ? ['SIGHUP'] : [] }, async ({ signal, err }) => {
      if (err) log.fatal({ err }, 'unexpected error, stopping')
      else log.info({ signal }, 'draining')
      await this.#once()
      if (this.#failureCode !== undefined) process.exit(this.#failureCode)
    })
  }

  /** How to stop, from now on. */
  by(stop: () => Promise<void>): void {
    this.#stop = stop
  }

  /** Stops with an exit code, unless the service is stopping already: models that were loading then fail too. */
  fail(exitCode: number, fields: object, message: string): void {
    if (this.#stopped !== undefined) return
    this.#failureCode = exitCode
    this.#log.fatal({ ...fields, exitCode }, message)
    setTimeout(() => process.exit(exitCode), this.#timeoutMs)
    void this.#once().then(() => this.#end(exitCode))
  }

  #once(): Promise<void> {
    this.#stopped ??= this.#stop().then(() => this.#log.info({}, 'stopped'))
    return this.#stopped
  }
}
