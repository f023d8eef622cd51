import type { ErrorCode } from '../errors.ts'
import type { ShapeLimits } from '../memory/predict.ts'
import type { PrecisionRequest } from '../model/precision/prepare.ts'
import type { FileSeal } from '../model/weights/file-change-detector.ts'
import type { Batch, BatchScores } from './engine.ts'
import type { EngineInfo } from './engine-info.ts'

/**
 * Messages between the front process and an engine process, over Node's IPC channel with structured cloning. Each
 * `score` is answered by exactly one `scored` or `failed` with its `batchId`; `load` and the `self_test` after it are
 * answered by one `ready` or `load_failed`.
 */
export type ToEngine =
  | { readonly kind: 'load'; readonly spec: EngineSpec; readonly heartbeat: Heartbeat }
  | { readonly kind: 'self_test'; readonly texts: SelfTestTexts; readonly known: readonly KnownAnswer[] }
  | { readonly kind: 'score'; readonly batchId: number; readonly batch: Batch }

export type FromEngine =
  | { readonly kind: 'ready'; readonly info: EngineInfo }
  | { readonly kind: 'load_failed'; readonly code: ErrorCode; readonly message: string }
  | { readonly kind: 'scored'; readonly batchId: number; readonly scores: BatchScores }
  | { readonly kind: 'failed'; readonly batchId: number; readonly code: ErrorCode; readonly message: string }

/**
 * While an engine process makes progress, a thread of it writes one byte to this descriptor every `intervalMs`. The
 * IPC channel cannot serve: its thread is blocked during a forward pass.
 */
export interface Heartbeat {
  readonly descriptor: number
  readonly intervalMs: number
}

/** Fails to compile when a union gains a member that a `switch` over its `kind` does not handle. */
export function unreachable(value: never): never {
  throw new Error(`unexpected message: ${JSON.stringify(value)}`)
}

/** Exit code of an engine process that found a model file changed on disk. */
export const EXIT_MODEL_CHANGED = 3

/** What an engine process loads, and how. */
export interface EngineSpec {
  /** Path of the .onnx file, possibly a link; its weights may be in files beside it. */
  readonly onnxPath: string
  /** Folder that has to contain those files; the .onnx file's own folder when absent. */
  readonly modelFolder?: string
  /**
   * Targets of links, by name in the model folder, resolved once: redirecting a link must not change what a restart
   * loads.
   */
  readonly realPaths?: Readonly<Record<string, string>>
  readonly executionProvider: 'cpu' | 'cuda'
  readonly threads: number
  /** Whether other engine processes run on the same cores: its threads then never spin between two passes. */
  readonly sharesCores?: boolean
  /** Niceness added to the front process's own; 0 when absent. */
  readonly niceness?: number
  readonly vocabSize: number
  /** For graphs with a symbolic head size. */
  readonly headSize: number
  /** For graphs with a symbolic number of key-value heads. */
  readonly keyValueHeads?: number
  /** Largest difference between two passes over one token that these numerics can explain, nats. */
  readonly ceilingNats: number
  /**
   * Largest difference of a token from an answer stored with the model, nats, where another processor may exceed
   * `ceilingNats`; `ceilingNats` when absent.
   */
  readonly storedCeilingNats?: number
  /** `ceilingNats` of a model that quantizes activations over whole tensors, which only its graph shows. */
  readonly approximateCeilingNats: number
  /** Whether the file claims float32 weights and activations. */
  readonly claimsFloat32: boolean
  /** Largest batches, and the container's memory limit (null: none); memory is not predicted when absent. */
  readonly memory?: ShapeLimits & { readonly limitBytes: number | null }
  /** Prefix sharing to use where the model supports it; none when absent. */
  readonly sharing?: SharingLimits
  /** Engine processes of the model, this one included; 1 when absent. */
  readonly replicas?: number
  /** Where they keep the prepacked weights that all of them map; each process has its own copy when absent. */
  readonly prepacked?: { readonly folder: string; readonly runtimeVersion: string }
  /** Rounds the weights to 8 bits; absent when the model runs with the weights of its file. */
  readonly precision?: PrecisionRequest
  /** Known files by path; the process refuses to load other content. Empty on the first start. */
  readonly expectedFiles: Readonly<Record<string, FileSeal>>
}

export interface SharingLimits {
  /** Whether to pack several sequences into one row. */
  readonly packing: boolean
  /** Size of the prefix cache; 0 switches it off. */
  readonly prefixCacheBytes: number
  /**
   * Most bytes for the attention scores of a pass over a long text, which is split into several passes where possible.
   */
  readonly maxAttentionBytes: number
  /** Smallest attention window of any layer, tokens; null when all layers attend to everything. */
  readonly slidingWindow: number | null
  /** Query heads of a layer. */
  readonly heads: number
}

/** What the self-test scores: token ids, with the prefix token, if any, in front. */
export interface SelfTestTexts {
  readonly natural: readonly number[]
  /** The same words in reverse order. */
  readonly reversed: readonly number[]
  /** Ids that the tokenizer has; the model's vocabulary may be larger. */
  readonly textVocabSize: number
  /** Tokens that begin a word or end the text; absent for an engine that no one asks for the measure `word_starts`. */
  readonly wordStartIds?: Int32Array
}

/**
 * Token ids and the log-probabilities, nats, of all but the first: stored with the model, or repeated from its first
 * start.
 */
export interface KnownAnswer {
  readonly source: 'stored' | 'repeated'
  readonly ids: readonly number[]
  readonly logProbs: readonly number[]
}
