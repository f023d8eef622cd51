import type { Logger } from 'pino'
import type { Config } from '../config/options.ts'
import type { LocateModel } from '../model/locate-model.ts'
import { type ModelReference, modelReferences } from '../model/model-reference.ts'
import type { Metrics } from '../observability/metrics.ts'
import { memoryLimitBytes } from '../process/memory-limit.ts'
import type { ProviderChoice } from '../provider/choose-provider.ts'
import { SharedTokenizers } from '../tokenizer/threads/shared-tokenizers.ts'
import { startBackend } from './backend.ts'
import { MemoryLedger } from './memory-ledger.ts'
import { ModelEntry } from './model-entry.ts'
import { ModelRegistry, namedError } from './model-registry.ts'
import { startModelMonitor } from './monitor.ts'

/** How models are located and which execution provider runs them. */
export interface ModelSources {
  readonly locate: LocateModel
  readonly provider: ProviderChoice
  /** Cache folder of rounded weights; by default the one in the user's cache folder. */
  readonly precisionFolder?: string
}

/**
 * Starts to load every model of the configuration and returns at once. Each gets its own engines, scheduler and
 * monitor; models with equal tokenizer files share the tokenizer threads. Throws `configuration_invalid`, and for a
 * local folder as `startBackend` does, prefixed with the id if there are several models.
 */
export function startModels(config: Config, metrics: Metrics, log: Logger, { locate, provider, precisionFolder }: ModelSources): ModelRegistry {
  const references = modelReferences(config.MODEL)
  const tokenizers = new SharedTokenizers()
  const limitBytes = memoryLimitBytes()
  const memoryLedger = references.length > 1 ? { memoryLedger: new MemoryLedger(limitBytes) } : {}
  const entries = references.map((reference) => {
    try {
      return entryOf(reference)
    } catch (error) {
      throw references.length === 1 ? error : namedError(reference.id, error)
    }
  })
  const registry = new ModelRegistry(entries, limitBytes)
  return registry

  function entryOf(reference: ModelReference): ModelEntry {
    const modelLog = log.child({ model: reference.id })
    return new ModelEntry({
      id: reference.id,
      locate: (onProgress) => locate(reference, onProgress),
      start: (located) =>
        startBackend(config, modelLog, {
          located,
          provider,
          tokenizers,
          models: references.length,
          ...memoryLedger,
          ...(precisionFolder === undefined ? {} : { precisionFolder })
        }),
      startMonitor: (backend, ready, modelMetrics) => startModelMonitor(config, backend, ready, modelMetrics, modelLog),
      metricsOf: (entry) =>
        metrics.ofModel(entry.id, {
          queuedTokens: () => entry.queued.tokens,
          queuedSequences: () => entry.queued.sequences,
          engineRestarts: () => entry.restarts,
          enginesReady: () => entry.enginesReady,
          isReady: () => registry.isReady(entry.id)
        })
    })
  }
}
