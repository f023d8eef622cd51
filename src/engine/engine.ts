import type { RowProbe } from '../scoring/row-probe.ts'
import type { EngineInfo } from './engine-info.ts'

/** Scores batches of token ids. The scheduler depends on this interface alone; it knows nothing of text or HTTP. */
export interface Engine {
  readonly state: EngineState
  readonly info: EngineInfo | null
  /**
   * How often an engine process was replaced, for whatever reason: scores cached before may be wrong. 0 when absent.
   */
  readonly restarts?: number
  /**
   * Scores one batch. Survives one crash of the engine process: the batch then runs again on its successor. Rejects
   * with `engine_crashed` when that one crashes too, `engine_unavailable` when no engine process can be started.
   */
  score(batch: Batch): Promise<BatchScores>
  close(): Promise<void>
}

/**
 * - `starting`: loading for the first time
 * - `ready`: the self-test passed
 * - `restarting`: the process crashed or hung; batches wait for its successor
 * - `failed`: it cannot be started; batches are rejected
 * - `stopped`: closed
 */
export type EngineState = 'starting' | 'ready' | 'restarting' | 'failed' | 'stopped'

export interface Batch {
  readonly sequences: readonly ScoringSequence[]
  /** How many of the most probable tokens to return, with rank and entropy; null computes none of the three. */
  readonly topCount: number | null
  /** Needs a `topCount`; nothing more when absent. */
  readonly measures?: readonly RowMeasure[]
  readonly probe?: ProbeRequest
  /**
   * `shared` allows prefix sharing: the engine computes a common prefix once, in a packed row or from the prefix cache,
   * as far as the model can (`Sharing`). `plain`, the default, gives each sequence its own padded row and reuses
   * nothing; the other layout is verified against it.
   */
  readonly layout?: 'plain' | 'shared'
}

/**
 * Reductions over the vocabulary that a batch with details may ask for in addition: `variance` of log p, and
 * `word_starts`, the probability that the next token begins a word or ends the text.
 */
export type RowMeasure = 'variance' | 'word_starts'

/** One sequence of n token ids. Tokens `firstScored .. n-1` get a log-probability; 1 <= firstScored < n. */
export interface ScoringSequence {
  readonly ids: Int32Array
  readonly firstScored: number
  /** (n - firstScored,) tokens to score in place of the sequence's own, such as labels shifted by mistake. */
  readonly targets?: Int32Array
  /** Further tokens to score in place of the last one, a row each behind its row. Never together with `targets`. */
  readonly lastTokenCandidates?: Int32Array
}

/** Positions in the first sequence whose raw logits a second implementation checks. */
interface ProbeRequest {
  /** Positions of scored tokens. For a long text with a large vocabulary the engine probes others, fewer or none. */
  readonly positions: readonly number[]
  /** Ids that the tokenizer has; the model's vocabulary may be larger. */
  readonly textVocabSize: number
}

export interface BatchScores {
  readonly rows: readonly RowScores[]
  /** One per probed row. */
  readonly probes: readonly RowProbe[]
  /** Time inside the model, milliseconds. */
  readonly runMs: number
}

/**
 * Scores of one sequence: R entries for its scored tokens, then for its last-token candidates (`rowCountOf`).
 * Log-probabilities and entropies in nats.
 */
export interface RowScores {
  readonly logProbs: Float32Array
  readonly logSumExps: Float32Array
  readonly bestIds: Int32Array
  readonly bestLogProbs: Float32Array
  readonly detail: RowDetail | null
  /** (R,) `rowChecksums` of the ids the pass fed: rows of other sequences or positions have other checksums. */
  readonly checksums: Int32Array
  /** Absent where every fed token was computed for this sequence alone. */
  readonly work?: SequenceWork
}

export interface RowDetail {
  /** 1 + how many tokens have a larger logit. */
  readonly ranks: Int32Array
  readonly entropies: Float32Array
  /** Sum of the squared probabilities of all tokens. */
  readonly probSquareSums: Float32Array
  /** Sum of p (log p + entropy)² over all tokens, nats²; absent unless measured. */
  readonly variances?: Float32Array
  /** Sum of p over the tokens that begin a word or end the text; absent unless measured. */
  readonly wordStarts?: Float32Array
  readonly topCount: number
  /** (R, topCount) row-major, the most probable first. */
  readonly topIds: Int32Array
  readonly topLogProbs: Float32Array
}

/**
 * How a sequence's fed tokens were obtained. Tokens in neither count were computed for another sequence of the batch.
 */
export interface SequenceWork {
  readonly computedTokens: number
  /** Tokens whose keys and values, or whose scores, came from the prefix cache. */
  readonly cachedTokens: number
}

/** The same request for other sequences, without a probe. */
export function withSequences({ topCount, measures }: Batch, sequences: readonly ScoringSequence[]): Batch {
  return { sequences, topCount, ...(measures === undefined ? {} : { measures }) }
}

/** R: how many rows a sequence has. */
export function rowCountOf({ ids, firstScored, lastTokenCandidates }: ScoringSequence): number {
  return ids.length - firstScored + (lastTokenCandidates?.length ?? 0)
}

/**
 * Tokens that a forward pass over a batch is fed, without padding. A sequence's last token is not fed: it predicts
 * nothing scored.
 */
export function fedTokensOf({ sequences }: Batch): number {
  return sequences.reduce((sum, { ids }) => sum + ids.length - 1, 0)
}

/** Tokens of the longest sequence. */
export function longestOf({ sequences }: Batch): number {
  return sequences.reduce((longest, { ids }) => Math.max(longest, ids.length), 0)
}
