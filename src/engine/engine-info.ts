import type { Fit } from '../memory/fit.ts'
import type { EightBitForm } from '../model/precision/eight-bit-form.ts'
import type { Checks } from '../scoring/checks/check.ts'
import type { Noise } from '../scoring/noise.ts'

/** What a loaded model turned out to be. */
export interface EngineInfo {
  readonly executionProvider: string
  readonly threads: number
  readonly vocabSize: number
  /** Nodes of the graph as it came and as it runs. */
  readonly nodeCounts: { readonly original: number; readonly scoring: number }
  readonly loadMs: number
  /** What the service was predicted to need; null where nobody asked. */
  readonly memory: Fit | null
  readonly sharing: Sharing
  /** Whether its weights are those of all engine processes of the model; absent where there is one process. */
  readonly prepackedWeights?: Ability
  /** What rounding its weights to 8 bits changed; absent where they are those of the file. */
  readonly precision?: PrecisionReport
  readonly selfTest: SelfTestReport
}

/** A model whose weights were rounded to 8 bits, against itself with those of its file. */
export interface PrecisionReport {
  readonly form: EightBitForm
  /** Matrices that were rounded, and the bytes of their file. */
  readonly weights: number
  readonly fileBytes: number
  /** Whether an earlier start had rounded them. */
  readonly wasCached: boolean
  /** |difference| of a token's log-probability over the self-test's text, nats. */
  readonly meanDifferenceNats: number
  readonly maxDifferenceNats: number
  readonly tokens: number
}

/** What this model can do with a `shared` batch, as its graph and the self-test say. */
export interface Sharing {
  /** Several sequences in one row, each of whose tokens sees its own predecessors alone. */
  readonly packing: Ability
  /** Keys and values of prefixes are kept between batches. */
  readonly prefixCache: Ability
  /** Most tokens of a row of several sequences, cached ones included: the sliding window of a model that has one, else its context. */
  readonly longestRow: number
  /** Heads whose S x S scores the attention writes out, 16 bytes each at its peak; 0 where a fused operator does not. */
  readonly attentionHeads: number
}

/** Bytes of each head and pair of tokens of unfused attention at its peak: scores, mask, softmax and their copy, a float32 each. */
export const ATTENTION_SCORE_BYTES = 16

/** Whether it is on, and for people why not. */
export interface Ability {
  readonly isOn: boolean
  readonly reason: string | null
}

/** Of a model that shares nothing. */
export function nothingShared(reason: string, longestRow: number): Sharing {
  return { packing: { isOn: false, reason }, prefixCache: { isOn: false, reason }, longestRow, attentionHeads: 0 }
}

/** What the forward passes that precede readiness showed. */
export interface SelfTestReport extends Checks {
  /** How far two passes over one token may differ, nats: measured on this model and machine. */
  readonly toleranceNats: number
  /** What the numerics allow at most. */
  readonly ceilingNats: number
  /** Differences between passes that must agree. */
  readonly noise: Noise
  /** `approximate`: activations are quantized over whole tensors, so tokens depend on later ones and on neighbours. */
  readonly causal: 'exact' | 'approximate'
  /** Log-probabilities of this process, nats, for later comparisons. */
  readonly answers: readonly { readonly ids: readonly number[]; readonly logProbs: readonly number[] }[]
  readonly tookMs: number
}
