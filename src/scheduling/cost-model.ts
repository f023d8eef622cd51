import { ATTENTION_SCORE_BYTES } from '../engine/engine-info.ts'
import type { Planning } from './batch-planner.ts'

/** Used when the graph does not state its hidden size: the value of a model of width 750. */
const DEFAULT_PARITY_TOKENS = 1500
/**
 * Fixed cost of a pass, as a share of the tokens that fill the machine: reading weights, launching operators, messages
 * to the process.
 */
const PASS_SHARE = 1 / 8

/** Fixed cost of a pass, in tokens: 16 with the default settings on a CPU. */
export function passCost({ limits: { longTextTokens } }: Planning): number {
  return PASS_SHARE * longTextTokens
}

/**
 * Row length at which unfused attention costs as much as the rest of the model. With hidden size H a token takes some
 * 24 H² operations for products with weights, and 4 H for each token that it attends to; moving the attention scores
 * through memory costs several times that. Measured: 1,500 in a model with H = 768, and 570 with H = 256.
 */
export function parityTokensOf(hiddenSize: number): number {
  return 2 * hiddenSize
}

/** Cost of a row, in tokens of a short row: attention grows with the square of its length, the rest linearly. */
export function rowCost(tokens: number, { limits: { parityTokens = DEFAULT_PARITY_TOKENS } }: Planning): number {
  return tokens * (1 + tokens / parityTokens)
}

/**
 * Cost of a pass over the last `added` tokens of a sequence of `length`, with the tokens before them in the prefix
 * cache.
 */
export function continuationCost(added: number, length: number, planning: Planning): number {
  return passCost(planning) + added * (1 + length / (planning.limits.parityTokens ?? DEFAULT_PARITY_TOKENS))
}

/** Longest row of a batch of `rows` rows whose attention scores fit into `maxAttentionBytes`. */
export function longestUnfusedRow(rows: number, { limits: { maxAttentionBytes = Number.POSITIVE_INFINITY }, sharing }: Planning): number {
  const heads = sharing?.attentionHeads ?? 0
  return heads === 0 ? Number.POSITIVE_INFINITY : Math.floor(Math.sqrt(maxAttentionBytes / (ATTENTION_SCORE_BYTES * heads * rows)))
}
