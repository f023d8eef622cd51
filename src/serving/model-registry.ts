import { ServiceError, serviceErrorFrom } from '../errors.ts'
import type { Health, ScoringModel, ServedModels, ServiceHealth, TokenizingModel } from '../http/served-models.ts'
import { assertFitTogether } from '../memory/fit.ts'
import { privateBytes } from '../process/private-memory.ts'
import { type ModelEntry, READY_REASON } from './model-entry.ts'

/** The service is as ready as its least ready model. */
const LEAST_READY_FIRST: readonly Health['status'][] = ['failed', 'draining', 'starting', 'restarting', 'ready']

/** The models of a service by id. A failure of one does not affect the others. */
export class ModelRegistry implements ServedModels {
  readonly #entries: ReadonlyMap<string, ModelEntry>
  #isDraining = false
  /** Why the models, although each is loaded, do not fit into memory together. */
  #misfit: ServiceError | null = null
  /**
   * Resolves when every model is ready. Rejects with the reason of the first that never will be, prefixed with its id
   * if there are several.
   */
  readonly ready: Promise<void>

  /** `memoryLimitBytes` applies to all models together; null: no limit. */
  constructor(entries: readonly ModelEntry[], memoryLimitBytes: number | null = null) {
    this.#entries = new Map(entries.map((entry) => [entry.id, entry]))
    this.ready = Promise.all(entries.map((entry) => this.#becomesReady(entry, memoryLimitBytes))).then(() => {})
    // A rejection before anyone awaits `ready` must not end the process.
    this.ready.catch(() => {})
  }

  get ids(): readonly string[] {
    return [...this.#entries.keys()]
  }

  /** Throws as `ModelEntry.scoring` does. */
  scoring(id: string): ScoringModel {
    return this.#entry(id).scoring()
  }

  /** Rejects as `ModelEntry.tokenizing` does. */
  tokenizing(id: string): Promise<TokenizingModel> {
    return this.#entry(id).tokenizing()
  }

  health(): ServiceHealth {
    const entries = [...this.#entries.values()]
    const models = entries.map((entry) => ({ id: entry.id, ...entry.health() }))
    // Before `draining`: a model that failed is why the service stops.
    const failed = models.filter(({ status }, i) => entries[i]?.failedToLoad || (this.#isDraining && status === 'failed'))
    if (failed.length > 0) return { status: 'failed', reason: this.#reasonOf(failed), models }
    if (this.#misfit !== null) return { status: 'failed', reason: this.#misfit.message, models }
    if (this.#isDraining) return { status: 'draining', reason: 'the service is stopping', models }
    const status = LEAST_READY_FIRST.find((candidate) => models.some((model) => model.status === candidate)) ?? 'ready'
    if (status === 'ready') return { status, reason: READY_REASON, models }
    return { status, reason: this.#reasonOf(models.filter((model) => model.status !== 'ready')), models }
  }

  backlogSeconds(): number {
    return Math.max(...[...this.#entries.values()].map((entry) => entry.backlogSeconds))
  }

  isReady(id: string): boolean {
    return !this.#isDraining && this.#entries.get(id)?.health().status === 'ready'
  }

  /** The service is no longer ready, but still answers requests. */
  beginDrain(): void {
    this.#isDraining = true
    for (const entry of this.#entries.values()) entry.stopMonitor()
  }

  async close(): Promise<void> {
    await Promise.all([...this.#entries.values()].map((entry) => entry.close()))
  }

  /** Memory is compared after every model: the next one may be what the system kills the service for. */
  async #becomesReady(entry: ModelEntry, memoryLimitBytes: number | null): Promise<void> {
    try {
      await entry.ready
    } catch (error) {
      throw this.#entries.size === 1 ? error : namedError(entry.id, error)
    }
    this.#checkMemory(memoryLimitBytes)
  }

  #checkMemory(limitBytes: number | null): void {
    const predictions = [...this.#entries.values()].flatMap(({ memory }) => memory ?? [])
    try {
      assertFitTogether(predictions, limitBytes, privateBytes())
    } catch (error) {
      this.#misfit = serviceErrorFrom(error)
      throw error
    }
  }

  #entry(id: string): ModelEntry {
    const entry = this.#entries.get(id)
    if (entry === undefined) throw new Error('no served model has this id')
    return entry
  }

  /** The id is left out when there is only one model. */
  #reasonOf(models: ServiceHealth['models']): string {
    return models.map(({ id, reason }) => (this.#entries.size === 1 ? reason : `${id}: ${reason}`)).join('; ')
  }
}

/** Prefixes the error of one of several models with its id. */
export function namedError(id: string, thrown: unknown): ServiceError {
  const { code, message, cause } = serviceErrorFrom(thrown)
  return new ServiceError(code, `${id}: ${message}`, { cause })
}
