import type { CompletionsEvaluator } from '../completions/evaluate.ts'
import type { Config } from '../config/options.ts'
import type { EngineInfo, SelfTestReport } from '../engine/engine-info.ts'
import type { LogprobEvaluator } from '../evaluation/logprob-evaluator.ts'
import type { LossEvaluator } from '../loss/evaluate.ts'
import type { ModelInfo } from '../model/open-model.ts'
import type { FileHash } from '../model/weights/file-hashes.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { TextTokenizer } from '../tokenizer/tokenizer.ts'

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
  readonly logprobEvaluator: LogprobEvaluator
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

/** What a response says it was made with. */
interface Stamp {
  readonly model_sha256: string
  readonly tokenizer_sha256: string
  readonly dtype: string
  /** `approximate`: a token's score depends a little on later ones and on nothing else, since such texts are scored alone. */
  readonly causal: 'exact' | 'approximate'
  readonly execution_provider: string
  readonly threads: number
  readonly onnxruntime: string
  readonly logpr: string
}

/** A model that this service serves, as GET /v1/models shows it. */
export interface ServedModel {
  readonly id: string
  readonly createdSeconds: number
  readonly architecture: string
  /** Commit of the hub's repository; null for a folder. */
  readonly revision: string | null
  readonly maxModelLen: number
  readonly vocabSize: number
  readonly prefixTokenId: number | null
  /** Layout and numerics, and why this file and this length. */
  readonly info: ModelInfo
  readonly files: readonly FileHash[]
  readonly stamp: Stamp
  readonly engine: EngineInfo
  /** Engine processes that score it. */
  readonly replicas: number
  /** Why it runs on what it runs. */
  readonly executionProviderReason: string
  /** Of the engine's first start, with the tokenizer's known answers. */
  readonly selfTest: SelfTestReport
}
