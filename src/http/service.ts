import type { Config } from '../config/options.ts'
import type { LogprobEvaluator } from '../logprob/evaluate.ts'
import type { LossEvaluator } from '../loss/evaluate.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { ServedModel } from '../served-model.ts'

/** Why the service is not ready, in words; `ready` when it is. */
export interface Health {
  readonly status: 'ready' | 'starting' | 'draining' | 'restarting' | 'failed'
  readonly reason: string
}

/** What the HTTP layer is handed: it knows neither engines nor processes. */
export interface Service {
  readonly config: Config
  readonly metrics: Metrics
  readonly apiKeyHashes: readonly Buffer[]
  health(): Health
  /** Throws `starting` until the model is loaded, `engine_unavailable` when it cannot be. */
  scoring(): { readonly model: ServedModel; readonly evaluator: LogprobEvaluator; readonly lossEvaluator: LossEvaluator }
}
