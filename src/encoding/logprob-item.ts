import type { StatisticOptions } from '../statistics/statistics.ts'
import type { Conversation } from '../tokenizer/tokenizer.ts'

/** Text or token ids, as a caller sends them. */
export type TextOrIds = string | readonly number[]

/** One (x, y) to score. */
export interface LogprobItem {
  /** Position among the results of the request. */
  readonly index: number
  /** Position of y among the outputs of its x. */
  readonly candidate: number
  readonly id: string | null
  /** Line of the request that has it, from 1; absent where the request is one JSON document. */
  readonly line?: number
  readonly x: TextOrIds | Conversation
  readonly y: TextOrIds
  /** Paths of x and y in the request, for error messages. */
  readonly param: { readonly x: string; readonly y: string }
}

export type Term = 'joint' | 'marginal' | 'conditional'
export const TERMS: readonly Term[] = ['joint', 'marginal', 'conditional']

/** How to encode and score items; the options of POST /v1/logprob. */
export interface LogprobOptions {
  readonly boundary: 'auto' | 'strict' | 'move_space' | 'tokens'
  readonly prefixToken: 'auto' | 'none'
  readonly eos: 'none' | 'score'
  readonly parseSpecialTokens: boolean
  readonly onOverflow: 'error' | 'truncate_left'
  readonly terms: ReadonlySet<Term>
  readonly detail: 'summary' | 'tokens'
  readonly topLogprobs: number
  /** Statistics of y; null for none. */
  readonly statistics: StatisticOptions | null
  readonly verify: 'standard' | 'deep'
}

/** The defaults of POST /v1/logprob. */
export const DEFAULT_OPTIONS: LogprobOptions = {
  boundary: 'auto',
  prefixToken: 'auto',
  eos: 'none',
  parseSpecialTokens: false,
  onOverflow: 'error',
  terms: new Set(TERMS),
  detail: 'summary',
  topLogprobs: 0,
  statistics: null,
  verify: 'standard'
}
