const SIGNALS = ['SIGTERM', 'SIGINT'] as const

/**
 * Ends the process with code 0 on SIGTERM or SIGINT while it has not begun to do anything. Without a handler, process 1
 * of a container ignores both, and imports take seconds on a busy machine.
 */
export class EarlyStop {
  readonly #end = (): never => process.exit(0)

  /** Does nothing unless `isWanted`: other commands have nothing to stop and end as the system does it. */
  constructor(isWanted: boolean) {
    if (isWanted) for (const signal of SIGNALS) process.on(signal, this.#end)
  }

  /** Another handler has taken over. */
  release(): void {
    for (const signal of SIGNALS) process.off(signal, this.#end)
  }
}
