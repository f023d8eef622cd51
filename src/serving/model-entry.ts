import { ServiceError, serviceErrorFrom } from '../errors.ts'
import type { Health, ScoringModel, TokenizingModel } from '../http/served-models.ts'
import type { MemoryPrediction } from '../memory/predict.ts'
import type { LocatedModel } from '../model/locate-model.ts'
import type { ModelMetrics } from '../observability/metrics.ts'
import { tracedQueue } from '../observability/traced-queue.ts'
import { activeTracing } from '../observability/tracing.ts'
import type { ScoringBackend } from './backend.ts'
import type { ModelMonitor } from './monitor.ts'
import type { ReadyBackend } from './ready-backend.ts'

export interface ModelEntryOptions {
  readonly id: string
  /**
   * Returns a promise for a model that has to be downloaded; `onProgress` then receives sentences about the download.
   */
  readonly locate: (onProgress: (progress: string) => void) => LocatedModel | Promise<LocatedModel>
  readonly start: (located: LocatedModel) => ScoringBackend
  /** Called once the model is ready. */
  readonly startMonitor: (backend: ScoringBackend, ready: ReadyBackend, metrics: ModelMetrics) => ModelMonitor
  readonly metricsOf: (entry: ModelEntry) => ModelMetrics
}

export const READY_REASON = 'the self-test passed'
const LOADING_REASON = 'the model is loading'

/**
 * One model of a service: its backend, its monitor, and the reason why it cannot be asked while it cannot. Entries
 * share nothing but the CPU cores.
 */
export class ModelEntry {
  readonly id: string
  /** Resolves when the model can be asked for the first time. Rejects with the reason why it never can. */
  readonly ready: Promise<void>
  readonly #metrics: ModelMetrics
  #backend: ScoringBackend | null = null
  #loaded: ReadyBackend | null = null
  #monitor: ModelMonitor | null = null
  /** Why the model could not be loaded. */
  #failure: ServiceError | null = null
  #progress = LOADING_REASON
  #isStopping = false

  /** Throws what `locate` and `start` throw when they answer at once. */
  constructor({ id, locate, start, startMonitor, metricsOf }: ModelEntryOptions) {
    this.id = id
    this.#metrics = metricsOf(this)
    const located = locate((progress) => {
      this.#progress = progress
    })
    const backend = located instanceof Promise ? located.then((downloaded) => this.#start(downloaded, start)) : this.#start(located, start)
    this.ready = this.#becomeReady(backend, startMonitor)
    // The registry awaits it and handles the rejection.
    this.ready.catch(() => {})
  }

  get queued(): { readonly tokens: number; readonly sequences: number } {
    return this.#backend?.scheduler.queued ?? { tokens: 0, sequences: 0 }
  }

  /** Time that its running and waiting work takes, from 1 to 60 s. */
  get backlogSeconds(): number {
    return this.#backend?.scheduler.backlogSeconds ?? 1
  }

  /** Null until the model is loaded, and on a GPU. */
  get memory(): MemoryPrediction | null {
    return this.#loaded?.model.engine.memory?.prediction ?? null
  }

  get restarts(): number {
    return this.#backend?.engine.restarts ?? 0
  }

  /** Number of its engines that accept batches. */
  get enginesReady(): number {
    return this.#backend?.engine.readyCount ?? 0
  }

  /** Whether the model could not be loaded. The service then stops. */
  get failedToLoad(): boolean {
    return this.#failure !== null
  }

  health(): Health {
    if (this.#failure !== null) return { status: 'failed', reason: this.#failure.message }
    if (this.#backend === null) return { status: 'starting', reason: this.#progress }
    const { state, failure } = this.#backend.engine
    if (state === 'failed') return { status: 'failed', reason: failure?.message ?? 'the engine process cannot be started' }
    if (this.#backend.tokenizerHasEnded()) return { status: 'failed', reason: 'the tokenizer thread has ended: restart the service' }
    if (this.#loaded === null) return { status: 'starting', reason: this.#progress }
    if (state === 'restarting') return { status: 'restarting', reason: 'the engine process ended and is restarting; requests wait for it' }
    return { status: 'ready', reason: READY_REASON }
  }

  /**
   * Throws `starting` until the model is loaded, the reason when it could not be loaded, and `engine_unavailable` when
   * its engine has failed for good.
   */
  scoring(): ScoringModel {
    if (this.#loaded === null) throw this.#failure ?? this.#starting()
    const failure = this.#backend?.engine.failure ?? null
    if (failure !== null) throw new ServiceError('engine_unavailable', failure.message)
    const { model, logprobEvaluator, lossEvaluator, completionsEvaluator, perplexityEvaluator } = this.#loaded
    const assertRoom: ScoringModel['assertRoom'] = (tokens, items, terms) => this.#backend?.scheduler.assertRoom(tokens, items, terms) ?? (() => {})
    return { model, logprobEvaluator, lossEvaluator, completionsEvaluator, perplexityEvaluator, itemsScored: this.#metrics.itemsScored, assertRoom }
  }

  /**
   * Does not need the engine. Rejects with `starting` until the model's files are there, and with the reason when the
   * tokenizer cannot be loaded.
   */
  async tokenizing(): Promise<TokenizingModel> {
    if (this.#backend === null) throw this.#failure ?? this.#starting()
    return { id: this.id, maxModelLen: this.#backend.maxModelLen, tokenizer: await this.#backend.textTokenizer() }
  }

  /** Stops the monitor, which submits work of its own. Requests are still answered. */
  stopMonitor(): void {
    this.#isStopping = true
    this.#monitor?.stop()
  }

  async close(): Promise<void> {
    this.stopMonitor()
    await this.#backend?.close()
  }

  #start(located: LocatedModel, start: ModelEntryOptions['start']): ScoringBackend {
    if (this.#isStopping) throw new ServiceError('starting', 'the service is stopping')
    const backend = start(located)
    this.#backend = backend
    this.#progress = LOADING_REASON
    const tracing = activeTracing()
    backend.scheduler.observe(tracing === null ? this.#metrics : { ...this.#metrics, ...tracedQueue(tracing, this.id) })
    // Loaded now, so that the first request for ids does not wait for it and it reads the same files as the engine. A
    // failure is reported to the requests.
    backend.textTokenizer().catch(() => {})
    return backend
  }

  async #becomeReady(starting: ScoringBackend | Promise<ScoringBackend>, startMonitor: ModelEntryOptions['startMonitor']): Promise<void> {
    try {
      const backend = await starting
      this.#loaded = await backend.ready
      if (!this.#isStopping) this.#monitor = startMonitor(backend, this.#loaded, this.#metrics)
    } catch (error) {
      this.#failure = serviceErrorFrom(error)
      throw this.#failure
    }
  }

  #starting(): ServiceError {
    return new ServiceError('starting', this.#progress, { retryAfterSeconds: 1 })
  }
}
