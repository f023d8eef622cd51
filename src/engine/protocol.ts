import type { ErrorCode } from '../errors.ts'
import type { Batch, BatchScores, EngineInfo } from './engine.ts'

/**
 * Messages between the front process and an engine process, over Node's IPC channel with structured cloning.
 * Both directions are closed unions told apart by `kind`; each `score` is answered by exactly one `scored` or `failed`
 * with its `batchId`, each `load` by one `ready` or `load_failed`.
 */
export type ToEngine =
  | { readonly kind: 'load'; readonly spec: EngineSpec; readonly canary: KnownAnswer | null }
  | { readonly kind: 'score'; readonly batchId: number; readonly batch: Batch }

export type FromEngine =
  | { readonly kind: 'ready'; readonly info: EngineInfo }
  | { readonly kind: 'load_failed'; readonly code: ErrorCode; readonly message: string }
  | { readonly kind: 'scored'; readonly batchId: number; readonly scores: BatchScores }
  | { readonly kind: 'failed'; readonly batchId: number; readonly code: ErrorCode; readonly message: string }

/** What an engine process loads. */
export interface EngineSpec {
  /** Path of the .onnx file; its weights may lie in files beside it. */
  readonly onnxPath: string
  readonly executionProvider: 'cpu' | 'cuda'
  readonly threads: number
  readonly vocabSize: number
  /** Ids that the tokenizer has; absent while that is not known. */
  readonly textVocabSize?: number
  /** For graphs that leave the head size symbolic. */
  readonly headSize: number
  readonly prefixTokenId: number | null
  /** How far two passes over one token may differ. */
  readonly toleranceNats: number
}

/** Token ids and the log-probabilities, in nats, of all but the first. */
export interface KnownAnswer {
  readonly source: 'stored' | 'repeated'
  readonly ids: readonly number[]
  readonly logProbs: readonly number[]
}

/** Fails to compile when a union gains a member that a `switch` forgot. */
export function unreachable(value: never): never {
  throw new Error(`unexpected message: ${JSON.stringify(value)}`)
}
