import { ServiceError, serviceErrorFrom } from '../errors.ts'
import type { Health, ScoringModel, ServedModels, ServiceHealth, TokenizingModel } from '../http/served-models.ts'
import { assertFitTogether } from '../memory/fit.ts'
import type { ModelEntry } from './model-entry.ts'

/** The least ready first: the service is as ready as its worst model. */
const WORST_FIRST: readonly Health['status'][] = ['failed', 'draining', 'starting', 'restarting', 'ready']

/** All models of a service, by id. What happens to one leaves the others as they are. */
export class ModelRegistry implements ServedModels {
  readonly #entries: ReadonlyMap<string, ModelEntry>
  #isDraining = false
  /** Why they cannot be served together although each was loaded. */
  #refusal: ServiceError | null = null
  /** Resolves when all can be asked. Rejects with the reason of the first that never can be, which it names among several. */
  readonly ready: Promise<void>

  /** `memoryLimitBytes`: what all of them may take together; null where there is no limit. */
  constructor(entries: readonly ModelEntry[], memoryLimitBytes: number | null = null) {
    this.#entries = new Map(entries.map((entry) => [entry.id, entry]))
    this.ready = Promise.all(entries.map((entry) => this.#named(entry))).then(() => this.#checkMemory(entries, memoryLimitBytes))
    // Those who wait for it see the rejection; until somebody does it must not end the process.
    this.ready.catch(() => {})
  }

  get ids(): readonly string[] {
    return [...this.#entries.keys()]
  }

  /** Throws what `ModelEntry.scoring` throws. */
  scoring(id: string): ScoringModel {
    return this.#entry(id).scoring()
  }

  /** Rejects with what `ModelEntry.tokenizing` rejects with. */
  tokenizing(id: string): Promise<TokenizingModel> {
    return this.#entry(id).tokenizing()
  }

  health(): ServiceHealth {
    const models = [...this.#entries.values()].map((entry) => ({ id: entry.id, ...entry.health() }))
    const failed = [...this.#entries.values()].filter(({ failedToLoad }) => failedToLoad).map(({ id }) => id)
    // A service that stops because a model cannot be served says that.
    if (failed.length > 0) return { status: 'failed', reason: this.#reasonOf(models.filter(({ id }) => failed.includes(id))), models }
    if (this.#refusal !== null) return { status: 'failed', reason: this.#refusal.message, models }
    if (this.#isDraining) return { status: 'draining', reason: 'the service is stopping', models }
    const status = WORST_FIRST.find((candidate) => models.some((model) => model.status === candidate)) ?? 'ready'
    if (status === 'ready') return { status, reason: 'a forward pass gave its known answer', models }
    return { status, reason: this.#reasonOf(models.filter((model) => model.status !== 'ready')), models }
  }

  isReady(id: string): boolean {
    return !this.#isDraining && this.#entries.get(id)?.health().status === 'ready'
  }

  /** From now on it is not ready; requests are still answered. */
  beginDrain(): void {
    this.#isDraining = true
    for (const entry of this.#entries.values()) entry.stopMonitor()
  }

  async close(): Promise<void> {
    await Promise.all([...this.#entries.values()].map((entry) => entry.close()))
  }

  #checkMemory(entries: readonly ModelEntry[], limitBytes: number | null): void {
    try {
      assertFitTogether(
        entries.flatMap(({ memory }) => memory ?? []),
        limitBytes
      )
    } catch (error) {
      this.#refusal = serviceErrorFrom(error)
      throw error
    }
  }

  #entry(id: string): ModelEntry {
    const entry = this.#entries.get(id)
    if (entry === undefined) throw new Error('a model was asked for that is not served')
    return entry
  }

  async #named(entry: ModelEntry): Promise<void> {
    try {
      await entry.ready
    } catch (error) {
      throw this.#entries.size === 1 ? error : namedError(entry.id, error)
    }
  }

  /** Which model it is goes without saying where there is one. */
  #reasonOf(models: ServiceHealth['models']): string {
    return models.map(({ id, reason }) => (this.#entries.size === 1 ? reason : `${id}: ${reason}`)).join('; ')
  }
}

/** Why one of several models cannot be served, saying which. */
export function namedError(id: string, thrown: unknown): ServiceError {
  const { code, message, cause } = serviceErrorFrom(thrown)
  return new ServiceError(code, `${id}: ${message}`, { cause })
}
