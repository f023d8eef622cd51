import type { Logger } from 'pino'
import type { Config } from '../config/options.ts'
import type { LocateModel } from '../model/locate-model.ts'
import { type ModelReference, modelReferences } from '../model/model-reference.ts'
import type { Metrics } from '../observability/metrics.ts'
import { memoryLimitBytes } from '../process/memory-limit.ts'
import type { ProviderChoice } from '../provider/choose-provider.ts'
import { startBackend } from './backend.ts'
import { ModelEntry } from './model-entry.ts'
import { ModelRegistry, namedError } from './model-registry.ts'
import { startModelMonitor } from './monitor.ts'

/** Where models come from and what runs them. */
export interface ModelSources {
  readonly locate: LocateModel
  readonly provider: ProviderChoice
  /** Where rounded weights are kept; the user's cache folder when absent. */
  readonly precisionFolder?: string
}

/**
 * Begins to load every model of the configuration, each with an engine process, a tokenizer thread, a queue and a vigil
 * of its own; nothing waits. Throws `configuration_invalid`, and what `startBackend` throws of a folder, with the id among several.
 */
export function startModels(config: Config, metrics: Metrics, log: Logger, { locate, provider, precisionFolder }: ModelSources): ModelRegistry {
  const references = modelReferences(config.MODEL)
  const entries = references.map((reference) => {
    try {
      return entryOf(reference)
    } catch (error) {
      throw references.length === 1 ? error : namedError(reference.id, error)
    }
  })
  const registry = new ModelRegistry(entries, memoryLimitBytes())
  return registry

  function entryOf(reference: ModelReference): ModelEntry {
    const ownLog = log.child({ model: reference.id })
    return new ModelEntry({
      id: reference.id,
      locate: (onProgress) => locate(reference, onProgress),
      start: (located) =>
        startBackend(config, ownLog, { located, provider, models: references.length, ...(precisionFolder === undefined ? {} : { precisionFolder }) }),
      watch: (backend, loaded, ownMetrics) => startModelMonitor(config, backend, loaded, ownMetrics, ownLog),
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
