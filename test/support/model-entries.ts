import type { EngineState } from '../../src/engine/engine.ts'
import type { ServiceError } from '../../src/errors.ts'
import type { LocatedModel } from '../../src/model/locate-model.ts'
import { createMetrics, type Metrics } from '../../src/observability/metrics.ts'
import { Scheduler } from '../../src/scheduling/scheduler.ts'
import type { ScoringBackend } from '../../src/serving/backend.ts'
import { ModelEntry, type ModelEntryOptions } from '../../src/serving/model-entry.ts'
import type { ReadyBackend } from '../../src/serving/ready-backend.ts'
import { FakeEngine } from './fake-engine.ts'
import { FakeTextTokenizer } from './fake-text-tokenizer.ts'

/** A fake backend of a model entry: the test decides when it loads, fails and ends. */
export interface ModelParts {
  readonly engine: { state: EngineState; failure: ServiceError | null; restarts: number }
  readonly scheduler: Scheduler
  /** The models that the entry started to load. */
  readonly started: LocatedModel[]
  /** Number of monitors that run. */
  monitors: number
  closed: number
  /** `totalBytes`: the predicted memory; absent as on a GPU. */
  becomeReady(id: string, totalBytes?: number): void
  failToLoad(error: ServiceError): void
  tokenizerEnds(): void
}

export function modelParts(): ModelParts & { readonly backend: ScoringBackend } {
  let resolve = (_: ReadyBackend): void => {}
  let reject = (_: ServiceError): void => {}
  let tokenizerHasEnded = false
  const ready = new Promise<ReadyBackend>((resolvePromise, rejectPromise) => {
    resolve = resolvePromise
    reject = rejectPromise
  })
  ready.catch(() => {})
  const scheduler = new Scheduler(new FakeEngine(), { maxBatchTokens: 64, longTextTokens: 64, maxQueueTokens: 64 })
  const parts: ModelParts & { backend: ScoringBackend } = {
    engine: { state: 'starting', failure: null, restarts: 0 },
    scheduler,
    started: [],
    monitors: 0,
    closed: 0,
    becomeReady(id, totalBytes) {
      parts.engine.state = 'ready'
      const memory = totalBytes === undefined ? null : { prediction: { totalBytes } }
      resolve({ model: { id, engine: { memory } } } as ReadyBackend)
    },
    failToLoad: (error) => reject(error),
    tokenizerEnds() {
      tokenizerHasEnded = true
    },
    get backend() {
      return {
        engine: parts.engine,
        scheduler,
        tokenizerHasEnded: () => tokenizerHasEnded,
        ready,
        maxModelLen: 64,
        textTokenizer: async () => new FakeTextTokenizer(),
        async close() {
          parts.closed++
        }
      } as unknown as ScoringBackend
    }
  }
  return parts
}

export function located(id: string): LocatedModel {
  return { id, folder: `/models/${id}`, revision: null }
}

export function entryOf(
  id: string,
  parts: ReturnType<typeof modelParts>,
  locate: ModelEntryOptions['locate'] = () => located(id),
  metrics: Metrics = createMetrics()
): ModelEntry {
  return new ModelEntry({
    id,
    locate,
    start(model) {
      parts.started.push(model)
      return parts.backend
    },
    startMonitor() {
      parts.monitors++
      return { stop: () => parts.monitors-- }
    },
    metricsOf: (entry) =>
      metrics.ofModel(id, {
        queuedTokens: () => entry.queued.tokens,
        queuedSequences: () => entry.queued.sequences,
        engineRestarts: () => entry.restarts,
        enginesReady: () => entry.enginesReady,
        isReady: () => entry.health().status === 'ready'
      })
  })
}
