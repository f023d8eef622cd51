import { ATTENTION_SCORE_BYTES } from '../engine/engine-info.ts'
import type { BatchPlan, PlannedJob, Planning } from './batch-planner.ts'

/** Where nothing says the width of a model: that of one of 750. */
export const PARITY_TOKENS = 1500
/** Share of a text that fills the machine which a pass costs before its first token: weights, operators to launch, the way to the process. */
const PASS_SHARE = 1 / 8

/** What a pass costs whatever it computes, in tokens: 16 with the default of a CPU. */
export function passCost({ limits: { longTextTokens } }: Planning): number {
  return PASS_SHARE * longTextTokens
}

/**
 * Length of a row at which unfused attention costs as much as all else. A token takes some 24 H² operations of products with
 * weights and 4 H for each token that it sees, and the scores' own passes through memory several times that: measured 1,500 in
 * a model of 768 and 570 in one of 256.
 */
export function parityTokensOf(hiddenSize: number): number {
  return 2 * hiddenSize
}

/** What a row of `tokens` costs, in tokens of a short one: all but attention grows with the row, attention with its square. */
export function rowCost(tokens: number, { limits: { parityTokens = PARITY_TOKENS } }: Planning): number {
  return tokens * (1 + tokens / parityTokens)
}

/** What it costs to run a continuation of `added` tokens from a prefix that is kept, `length` in all. */
export function continuationCost(added: number, length: number, planning: Planning): number {
  return passCost(planning) + added * (1 + length / (planning.limits.parityTokens ?? PARITY_TOKENS))
}

/** Most columns of a row, of so many rows side by side, whose attention scores keep within their bytes. */
export function longestUnfusedRow(rows: number, { limits: { maxAttentionBytes = Number.POSITIVE_INFINITY }, sharing }: Planning): number {
  const heads = sharing?.attentionHeads ?? 0
  return heads === 0 ? Number.POSITIVE_INFINITY : Math.floor(Math.sqrt(maxAttentionBytes / (ATTENTION_SCORE_BYTES * heads * rows)))
}

/** What the plan costs for each token that somebody asked for. */
export function costPerToken({ cost, indices }: BatchPlan, queue: readonly PlannedJob[]): number {
  return cost / indices.reduce((sum, index) => sum + (queue[index]?.tokenCount ?? 0), 0)
}
