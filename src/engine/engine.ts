/** What scheduling depends on: something that scores batches of token ids. It knows nothing of text or of HTTP. */
import type { RowProbe } from '../scoring/row-probe.ts'
import type { EngineInfo } from './engine-info.ts'

/** One sequence of n token ids. Tokens `firstScored .. n-1` get a log-probability; 1 <= firstScored < n. */
export interface ScoringSequence {
  readonly ids: Int32Array
  readonly firstScored: number
  /** What to score at the n - firstScored positions in place of the tokens that stand there: labels shifted by mistake. */
  readonly targets?: Int32Array
  /** Further tokens to score in place of the last one: as many more rows, after that of the last one. Never beside `targets`. */
  readonly lastTokenCandidates?: Int32Array
}

/** R: how many rows of numbers a sequence gives. */
export function rowCountOf({ ids, firstScored, lastTokenCandidates }: ScoringSequence): number {
  return ids.length - firstScored + (lastTokenCandidates?.length ?? 0)
}

export interface Batch {
  readonly sequences: readonly ScoringSequence[]
  /** How many of the most probable tokens to return with rank and entropy; null computes none of the three. */
  readonly topCount: number | null
  readonly probe?: ProbeRequest
  /**
   * `shared` lets the engine compute what sequences have in common once: in one row, or from its prefix cache, as far as this
   * model can (`Sharing`). `plain`, the default, is a padded row a sequence and nothing reused: what others are compared with.
   */
  readonly layout?: 'plain' | 'shared'
}

/** Tokens that a forward pass is fed with for a batch, padding left out: nobody asks for the row of a sequence's last token. */
export function fedTokensOf({ sequences }: Batch): number {
  return sequences.reduce((sum, { ids }) => sum + ids.length - 1, 0)
}

/** Tokens of the longest sequence. */
export function longestOf({ sequences }: Batch): number {
  return sequences.reduce((longest, { ids }) => Math.max(longest, ids.length), 0)
}

/** Rows of the first sequence whose raw logits a second implementation looks at. */
export interface ProbeRequest {
  /** Positions of scored tokens. A long text with a large vocabulary gives others, fewer or none. */
  readonly positions: readonly number[]
  /** Ids that the tokenizer has; the model may have more rows. */
  readonly textVocabSize: number
}

/** Numbers for the R scored tokens of one sequence, in order, then for the alternatives of the last; log-probabilities and entropies in nats. */
export interface RowScores {
  readonly logProbs: Float32Array
  readonly logSumExps: Float32Array
  readonly bestIds: Int32Array
  readonly bestLogProbs: Float32Array
  readonly detail: RowDetail | null
  /** (R,) `rowChecksums` of the ids as the pass fed them: the row of another sequence or position has another one. */
  readonly checksums: Int32Array
  /** What it cost; absent where every fed token was computed for this sequence alone. */
  readonly work?: SequenceWork
}

/** Where the numbers of a sequence's fed tokens came from. What neither counts was computed for another sequence of the batch. */
export interface SequenceWork {
  readonly computedTokens: number
  /** Tokens whose keys and values, or whose numbers, were kept from an earlier pass. */
  readonly cachedTokens: number
}

export interface RowDetail {
  /** 1 + how many tokens have a larger logit. */
  readonly ranks: Int32Array
  readonly entropies: Float32Array
  /** Sum of the squared probabilities of all tokens. */
  readonly probSquareSums: Float32Array
  readonly topCount: number
  /** (R, topCount) row-major, the most probable first. */
  readonly topIds: Int32Array
  readonly topLogProbs: Float32Array
}

export interface BatchScores {
  readonly rows: readonly RowScores[]
  /** One a probed row; each says its position. */
  readonly probes: readonly RowProbe[]
  /** Time inside the model, milliseconds. */
  readonly runMs: number
}

/**
 * - `starting`: loading for the first time
 * - `ready`: a forward pass gave its known answer
 * - `restarting`: the process died or hung; work waits for its successor
 * - `failed`: it cannot be started; work is refused
 * - `stopped`
 */
export type EngineState = 'starting' | 'ready' | 'restarting' | 'failed' | 'stopped'

export interface Engine {
  readonly state: EngineState
  readonly info: EngineInfo | null
  /** How often a process of it was replaced, for whatever reason: numbers kept from before may be wrong. 0 when absent. */
  readonly restarts?: number
  /**
   * Scores one batch. Survives one death of the engine process: the batch is then run again on the next one.
   * Rejects with `engine_crashed` when that dies too, `engine_unavailable` when no engine can be started.
   */
  score(batch: Batch): Promise<BatchScores>
  close(): Promise<void>
}
