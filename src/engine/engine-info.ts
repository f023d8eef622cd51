import type { Fit } from '../memory/fit.ts'
import type { EightBitForm } from '../model/precision/eight-bit-form.ts'
import type { Checks } from '../scoring/checks/check.ts'
import type { Noise } from '../scoring/noise.ts'

/** What an engine reports about its model once it is ready. */
export interface EngineInfo {
  readonly executionProvider: string
  readonly threads: number
  readonly vocabSize: number
  /** Nodes of the model's graph and of the scoring graph made from it. */
  readonly nodeCounts: { readonly original: number; readonly scoring: number }
  readonly loadMs: number
  /** Predicted memory of the service; null when `EngineSpec.memory` is absent. */
  readonly memory: Fit | null
  readonly sharing: Sharing
  /** Whether all engine processes of the model map one file of prepacked weights; absent for a single process. */
  readonly prepackedWeights?: Ability
  /** Absent when the model runs with the weights of its file. */
  readonly precision?: PrecisionReport
  readonly selfTest: SelfTestReport
}

/** Prefix sharing that this model supports in a `shared` batch, according to its graph and the self-test. */
export interface Sharing {
  /** Packed rows: several sequences in one row, each token attending to its own predecessors alone. */
  readonly packing: Ability
  /** Keys and values of prefixes are kept between batches. */
  readonly prefixCache: Ability
  /**
   * Most tokens of a packed row, cached ones included: the model's sliding window where it has one, else its context.
   */
  readonly longestRow: number
  /** Most tokens of a sequence that the prefix cache can hold; absent without a bound. */
  readonly longestPrefix?: number
  /**
   * Heads whose S x S attention scores the graph writes to memory, at `ATTENTION_SCORE_BYTES`; 0 for fused attention.
   */
  readonly attentionHeads: number
}

/**
 * Bytes per head and pair of tokens of unfused attention at its peak: scores, mask, softmax and their copy in float32.
 */
export const ATTENTION_SCORE_BYTES = 16

export interface Ability {
  readonly isOn: boolean
  /** Why it is off; null when it is on. */
  readonly reason: string | null
}

/** Compares a model with 8-bit weights to the same model with the weights of its file. */
export interface PrecisionReport {
  readonly form: EightBitForm
  /** How many matrices were rounded. */
  readonly weights: number
  /** Size of the file with the rounded matrices. */
  readonly fileBytes: number
  /** Whether an earlier start wrote that file. */
  readonly wasCached: boolean
  /** |difference| of a token's log-probability over the self-test's text, nats. */
  readonly meanDifferenceNats: number
  readonly maxDifferenceNats: number
  readonly tokens: number
}

/** Result of the forward passes before readiness. */
export interface SelfTestReport extends Checks {
  /** Largest accepted difference between two passes over one token, nats: measured on this model and machine. */
  readonly toleranceNats: number
  /** Upper bound of the tolerance for the model's numerics, nats. */
  readonly ceilingNats: number
  /** Differences between passes that have to agree. */
  readonly noise: Noise
  /** `approximate`: activations are quantized over whole tensors, so tokens depend on later ones and on neighbours. */
  readonly causal: 'exact' | 'approximate'
  /** Log-probabilities from this process, nats, which the canary and later starts compare with. */
  readonly answers: readonly { readonly ids: readonly number[]; readonly logProbs: readonly number[] }[]
  readonly tookMs: number
}
