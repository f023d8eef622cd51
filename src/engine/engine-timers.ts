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
