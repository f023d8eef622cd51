import type { ErrorCode } from '../errors.ts'
import type { ShapeLimits } from '../memory/predict.ts'
import type { PrecisionRequest } from '../model/precision/prepare.ts'
import type { FileSeal } from '../model/weights/file-change-detector.ts'
import type { Batch, BatchScores } from './engine.ts'
import type { EngineInfo } from './engine-info.ts'

/**
 * Messages between the front process and an engine process, over Node's IPC channel with structured cloning.
 * Both directions are closed unions told apart by `kind`; each `score` is answered by exactly one `scored` or `failed`
 * with its `batchId`, each `load` with the `self_test` that follows it by one `ready` or `load_failed`.
 */
export type ToEngine =
  | { readonly kind: 'load'; readonly spec: EngineSpec }
  | { readonly kind: 'self_test'; readonly texts: SelfTestTexts; readonly known: readonly KnownAnswer[] }
  | { readonly kind: 'score'; readonly batchId: number; readonly batch: Batch }

export type FromEngine =
  | { readonly kind: 'ready'; readonly info: EngineInfo }
  | { readonly kind: 'load_failed'; readonly code: ErrorCode; readonly message: string }
  | { readonly kind: 'scored'; readonly batchId: number; readonly scores: BatchScores }
  | { readonly kind: 'failed'; readonly batchId: number; readonly code: ErrorCode; readonly message: string }

/** What an engine process loads. */
export interface EngineSpec {
  /** Path of the .onnx file, perhaps a link; its weights may lie in files beside it. */
  readonly onnxPath: string
  /** Where those files have to be; the .onnx file's own folder when absent. */
  readonly modelFolder?: string
  /** Files behind links, by name in the model folder, once they are known: a link that is pointed elsewhere must not change what a restart loads. */
  readonly realPaths?: Readonly<Record<string, string>>
  readonly executionProvider: 'cpu' | 'cuda'
  readonly threads: number
  /** Whether other engines run beside it: its threads then never spin between two passes. */
  readonly sharesCores?: boolean
  /** By how much its priority is below that of the front process; 0 when absent. */
  readonly niceness?: number
  readonly vocabSize: number
  /** For graphs that leave the head size symbolic. */
  readonly headSize: number
  /** For graphs that leave the number of key-value heads symbolic. */
  readonly keyValueHeads?: number
  /** How far two passes over one token may differ at most with these numerics, nats. */
  readonly ceilingNats: number
  /** How far a token may be from an answer stored with the model, where another processor may pass the ceiling; the ceiling when absent. */
  readonly storedCeilingNats?: number
  /** The ceiling of a model that quantizes activations over whole tensors, which only its graph tells. */
  readonly approximateCeilingNats: number
  /** Whether the file claims float32 weights and activations. */
  readonly claimsFloat32: boolean
  /** What may be asked of it, and the memory that the container may use (null: no limit); nothing is predicted without. */
  readonly memory?: ShapeLimits & { readonly limitBytes: number | null }
  /** What its batches may share, where the model can; nothing when absent. */
  readonly sharing?: SharingLimits
  /** Engine processes of the model, this one included; 1 when absent. */
  readonly replicas?: number
  /** Where they keep the weights that all of them map; each has its own when absent. */
  readonly prepacked?: { readonly folder: string; readonly runtimeVersion: string }
  /** Rounds its weights to 8 bits; absent where it runs on those of its file. */
  readonly precision?: PrecisionRequest
  /** The files by path, once they are known: a later start refuses other content. */
  readonly expectedFiles: Readonly<Record<string, FileSeal>>
}

export interface SharingLimits {
  /** Whether several sequences may stand in one row. */
  readonly packing: boolean
  /** Keys, values and numbers of prefixes that are kept; 0 keeps none. */
  readonly prefixCacheBytes: number
  /** Most bytes that the attention scores of a pass over a long text may take; it is cut into several where it can be. */
  readonly maxAttentionBytes: number
  /** How many tokens back some layer sees; null when all layers see everything. */
  readonly slidingWindow: number | null
  /** Heads of queries in a layer. */
  readonly heads: number
}

/** What the self-test scores, as token ids with the prefix token, if any, in front. */
export interface SelfTestTexts {
  readonly natural: readonly number[]
  /** The same words in reverse order. */
  readonly reversed: readonly number[]
  /** Ids that the tokenizer has; the model may have more rows. */
  readonly textVocabSize: number
}

/** Token ids and the log-probabilities, in nats, of all but the first: stored with the model, or of the first start. */
export interface KnownAnswer {
  readonly source: 'stored' | 'repeated'
  readonly ids: readonly number[]
  readonly logProbs: readonly number[]
}

/** How the engine process ends when it finds that a file of its model changed on disk. */
export const EXIT_MODEL_CHANGED = 3

/** Fails to compile when a union gains a member that a `switch` forgot. */
export function unreachable(value: never): never {
  throw new Error(`unexpected message: ${JSON.stringify(value)}`)
}
