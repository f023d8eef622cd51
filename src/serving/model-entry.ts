import { ServiceError, serviceErrorFrom } from '../errors.ts'
import type { Health, ScoringModel, TokenizingModel } from '../http/served-models.ts'
import type { MemoryPrediction } from '../memory/predict.ts'
import type { LocatedModel } from '../model/locate-model.ts'
import type { ModelMetrics } from '../observability/metrics.ts'
import type { ScoringBackend } from './backend.ts'
import type { ModelMonitor } from './monitor.ts'
import type { ReadyBackend } from './ready-backend.ts'

/** How a model comes to be served. */
export interface EntryParts {
  readonly id: string
  /** Comes later for a model that has to be fetched first; the callback is told how far that is. */
  readonly locate: (onProgress: (progress: string) => void) => LocatedModel | Promise<LocatedModel>
  /** Begins to load it. */
  readonly start: (located: LocatedModel) => ScoringBackend
  /** Looks after it once it is loaded. */
  readonly watch: (backend: ScoringBackend, loaded: ReadyBackend, metrics: ModelMetrics) => ModelMonitor
  readonly metricsOf: (entry: ModelEntry) => ModelMetrics
}

/**
 * One of the models of a service, from the time it is named: where it is, its backend, what looks after it, and why it
 * cannot be asked. It shares nothing with the others but the cores.
 */
export class ModelEntry {
  readonly id: string
  /** Resolves when it can be asked for the first time. Rejects with the reason why it never will. */
  readonly ready: Promise<void>
  readonly #metrics: ModelMetrics
  #backend: ScoringBackend | null = null
  #loaded: ReadyBackend | null = null
  #vigil: ModelMonitor | null = null
  /** Why it could not be loaded at the start. */
  #failure: ServiceError | null = null
  #progress = 'the model is being loaded'
  #isEnding = false

  /** Throws what `locate` and `start` throw of a model that is there: its folder is not one. */
  constructor({ id, locate, start, watch, metricsOf }: EntryParts) {
    this.id = id
    this.#metrics = metricsOf(this)
    const located = locate((progress) => {
      this.#progress = progress
    })
    const backend = located instanceof Promise ? located.then((fetched) => this.#begin(fetched, start)) : this.#begin(located, start)
    this.ready = this.#becomeReady(backend, watch)
    // The registry waits for it and sees the rejection.
    this.ready.catch(() => {})
  }

  get queued(): { readonly tokens: number; readonly sequences: number } {
    return this.#backend?.scheduler.queued ?? { tokens: 0, sequences: 0 }
  }

  /** What it is predicted to need; null until it is loaded, and where nothing is predicted. */
  get memory(): MemoryPrediction | null {
    return this.#loaded?.model.engine.memory?.prediction ?? null
  }

  get restarts(): number {
    return this.#backend?.engine.restarts ?? 0
  }

  /** How many of its engines take work. */
  get enginesReady(): number {
    return this.#backend?.engine.readyCount ?? 0
  }

  /** Whether it could not be loaded at the start: then the service stops. */
  get failedToLoad(): boolean {
    return this.#failure !== null
  }

  health(): Health {
    if (this.#failure !== null) return { status: 'failed', reason: this.#failure.message }
    if (this.#backend === null) return { status: 'starting', reason: this.#progress }
    const { state, failure } = this.#backend.engine
    if (state === 'failed') return { status: 'failed', reason: failure?.message ?? 'the engine process cannot be started' }
    if (this.#backend.tokenizerHasEnded()) return { status: 'failed', reason: 'the tokenizer thread has ended; the service has to be started again' }
    if (this.#loaded === null) return { status: 'starting', reason: this.#progress }
    if (state === 'restarting') return { status: 'restarting', reason: 'the engine process ended and is being replaced; requests wait for it' }
    return { status: 'ready', reason: 'a forward pass gave its known answer' }
  }

  /** Throws `starting` until it is loaded, the reason when it cannot be, `engine_unavailable` when its engine is gone for good. */
  scoring(): ScoringModel {
    if (this.#loaded === null) throw this.#failure ?? new ServiceError('starting', this.#progress, { retryAfterSeconds: 1 })
    const failure = this.#backend?.engine.failure ?? null
    if (failure !== null) throw new ServiceError('engine_unavailable', failure.message)
    const { model, logprobEvaluator, lossEvaluator, completionsEvaluator } = this.#loaded
    return { model, logprobEvaluator, lossEvaluator, completionsEvaluator, itemsScored: this.#metrics.itemsScored }
  }

  /** Needs no engine. Rejects with `starting` until the model's files are there, and with the reason when its tokenizer cannot be loaded. */
  async tokenizing(): Promise<TokenizingModel> {
    if (this.#backend === null) throw this.#failure ?? new ServiceError('starting', this.#progress, { retryAfterSeconds: 1 })
    return { id: this.id, maxModelLen: this.#backend.maxModelLen, tokenizer: await this.#backend.textTokenizer() }
  }

  /** Requests are still answered; what looks after the model begins no work of its own any more. */
  stopMonitor(): void {
    this.#isEnding = true
    this.#vigil?.stop()
  }

  async close(): Promise<void> {
    this.stopMonitor()
    await this.#backend?.close()
  }

  #begin(located: LocatedModel, start: EntryParts['start']): ScoringBackend {
    if (this.#isEnding) throw new ServiceError('starting', 'the service is stopping')
    const backend = start(located)
    this.#backend = backend
    this.#progress = 'the model is being loaded'
    backend.scheduler.observe(this.#metrics)
    // From the files as they are now; the first who asks for ids does not wait for it to load, and is told why it failed.
    backend.textTokenizer().catch(() => {})
    return backend
  }

  async #becomeReady(starting: ScoringBackend | Promise<ScoringBackend>, watch: EntryParts['watch']): Promise<void> {
    try {
      const backend = await starting
      this.#loaded = await backend.ready
      if (!this.#isEnding) this.#vigil = watch(backend, this.#loaded, this.#metrics)
    } catch (error) {
      this.#failure = serviceErrorFrom(error)
      throw this.#failure
    }
  }
}
