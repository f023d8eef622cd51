import type { CompletionsEvaluator } from '../completions/evaluate.ts'
import type { EngineInfo, SelfTestReport } from '../engine/engine-info.ts'
import type { LogprobEvaluator } from '../evaluation/logprob-evaluator.ts'
import type { LossEvaluator } from '../loss/evaluate.ts'
import type { ModelInfo } from '../model/open-model.ts'
import type { FileHash } from '../model/weights/file-hashes.ts'
import type { PerplexityEvaluator } from '../perplexity/evaluate.ts'
import type { WorkTerms } from '../scheduling/job.ts'
import type { TextTokenizer } from '../tokenizer/tokenizer.ts'

/**
 * The port between HTTP and the models. The routes know neither engines nor processes; `ModelRegistry` implements it.
 */
export interface ServedModels {
  /** The ids of all models, loaded or not, in the order of the configuration. */
  readonly ids: readonly string[]
  health(): ServiceHealth
  /** Time until the busiest model has done its work, from 1 to 60 s: a value for `Retry-After`. */
  backlogSeconds(): number
  /**
   * The model with one of `ids`. Throws `starting` until the model is loaded, the reason when loading failed, and
   * `engine_unavailable` when its engine failed for good.
   */
  scoring(id: string): ScoringModel
  /** The tokenizer of the model with one of `ids`. Rejects with `starting` until the model's files have been found. */
  tokenizing(id: string): Promise<TokenizingModel>
}

/** A state and its reason in words; `ready` has one too. */
export interface Health {
  readonly status: 'ready' | 'starting' | 'draining' | 'restarting' | 'failed'
  readonly reason: string
}

/** The service is ready when every model is. */
export interface ServiceHealth extends Health {
  readonly models: readonly (Health & { readonly id: string })[]
}

/** A loaded model and its evaluators. */
export interface ScoringModel {
  readonly model: ServedModel
  readonly logprobEvaluator: LogprobEvaluator
  readonly lossEvaluator: LossEvaluator
  readonly completionsEvaluator: CompletionsEvaluator
  readonly perplexityEvaluator: PerplexityEvaluator
  /** Counts the items that a request asked this model to score. */
  readonly itemsScored: (count: number) => void
  /**
   * Throws `queue_full` when there is no room for a request whose size is guessed as `tokens`. `items` is their number.
   * They count as waiting until the request submits its work or the returned function is called.
   */
  readonly assertRoom: (tokens: number, items: number, terms: WorkTerms) => () => void
}

/** A model's tokenizer. It works while the model loads and while its engine restarts. */
export interface TokenizingModel {
  readonly id: string
  /** Longest sequence that can be scored, in tokens, including the prefix token. */
  readonly maxModelLen: number
  readonly tokenizer: TextTokenizer
}

/** What GET /v1/models shows of a loaded model. */
export interface ServedModel {
  readonly id: string
  readonly createdSeconds: number
  readonly architecture: string
  /** Commit of the hub repository; null for a local folder. */
  readonly revision: string | null
  readonly maxModelLen: number
  readonly vocabSize: number
  readonly prefixTokenId: number | null
  /** Layout and numerics, and why this graph file and this context length were chosen. */
  readonly info: ModelInfo
  readonly files: readonly FileHash[]
  readonly stamp: Stamp
  readonly engine: EngineInfo
  /** Number of engine processes. */
  readonly replicas: number
  readonly executionProviderReason: string
  /** The report of the engine's first start, with the tokenizer's known answers added. */
  readonly selfTest: SelfTestReport
}

/** What produced the scores of a response, in the names of the wire. */
interface Stamp {
  readonly model_sha256: string
  readonly tokenizer_sha256: string
  readonly dtype: string
  /**
   * `approximate`: activations are quantized over whole tensors, so a token's score depends slightly on later tokens.
   */
  readonly causal: 'exact' | 'approximate'
  readonly execution_provider: string
  readonly threads: number
  readonly onnxruntime: string
  readonly logpr: string
}
