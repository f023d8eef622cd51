import type { EngineInfo, SelfTestReport } from './engine/engine.ts'
import type { ModelFacts } from './model/open-model.ts'
import type { FileHash } from './model/weights/file-hashes.ts'

/** What a response says it was made with. */
export interface Stamp {
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
  readonly facts: ModelFacts
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
