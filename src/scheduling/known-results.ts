import type { Engine, RowScores } from '../engine/engine.ts'
import { ResultCache } from './result-cache.ts'

/** Numbers of sequences scored before, as long as the engine that computed them is the one that serves. */
export class KnownResults {
  readonly #engine: Engine
  readonly #cache: ResultCache
  /** Of the engine when the kept numbers were computed. */
  #restarts = 0

  constructor(engine: Engine, maxBytes: number) {
    this.#engine = engine
    this.#cache = new ResultCache(maxBytes)
  }

  get(key: string): RowScores | null {
    this.#forgetReplaced()
    return this.#cache.get(key)
  }

  keep(key: string, rows: RowScores, topCount: number | null): void {
    this.#forgetReplaced()
    this.#cache.put(key, rows, topCount)
  }

  forget(): void {
    this.#cache.clear()
  }

  /** A process is replaced also because its numbers were wrong. */
  #forgetReplaced(): void {
    const { restarts = 0 } = this.#engine
    if (restarts !== this.#restarts) this.#cache.clear()
    this.#restarts = restarts
  }
}
