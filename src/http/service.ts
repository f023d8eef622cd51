import type { CompletionsEvaluator } from '../completions/evaluate.ts'
import type { Config } from '../config/options.ts'
import type { LogprobEvaluator } from '../logprob/evaluate.ts'
import type { LossEvaluator } from '../loss/evaluate.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { ServedModel } from '../served-model.ts'
import type { TextTokenizer } from '../tokenizer/text-tokenizer.ts'

/** Why something is not ready, in words; `ready` when it is. */
export interface Health {
  readonly status: 'ready' | 'starting' | 'draining' | 'restarting' | 'failed'
  readonly reason: string
}

/** Of the service: ready when each of its models is. */
export interface ServiceHealth extends Health {
  readonly models: readonly (Health & { readonly id: string })[]
}

/** A loaded model and what scores with it. */
export interface ScoringModel {
  readonly model: ServedModel
  readonly evaluator: LogprobEvaluator
  readonly lossEvaluator: LossEvaluator
  readonly completionsEvaluator: CompletionsEvaluator
  /** Counts outputs asked of it. */
  readonly itemsScored: (count: number) => void
}

/** A model's tokenizer, which answers also while the model is being loaded or its engine replaced. */
export interface TokenizingModel {
  readonly id: string
  /** Most tokens of a sequence that can be scored. */
  readonly maxModelLen: number
  readonly tokenizer: TextTokenizer
}

/** What the HTTP layer is handed: it knows neither engines nor processes. */
export interface Service {
  readonly config: Config
  readonly metrics: Metrics
  readonly apiKeyHashes: readonly Buffer[]
  /** Of all models, loaded or not, in the order of the configuration. */
  readonly modelIds: readonly string[]
  health(): ServiceHealth
  /**
   * The model with one of `modelIds`. Throws `starting` until it is loaded, the reason when it cannot be, and
   * `engine_unavailable` when its engine is gone for good.
   */
  scoring(id: string): ScoringModel
  /** The tokenizer of the model with one of `modelIds`. Rejects with `starting` until the model's files are there. */
  tokenizing(id: string): Promise<TokenizingModel>
}
