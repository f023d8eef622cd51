import type { CharRange } from '../scoring/words/word-tokens.ts'
import type { StatisticOptions } from '../statistics/statistics.ts'
import type { Conversation } from '../tokenizer/tokenizer.ts'

/** Text or token ids, as a caller sends them. */
export type TextOrIds = string | readonly number[]

/** Half-open ranges of code points in x and in y, each list in order and without overlaps. */
export interface ItemSpans {
  readonly x: readonly CharRange[]
  readonly y: readonly CharRange[]
}

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
  /** What to score instead of words under `detail: "words"`. */
  readonly spans?: ItemSpans
  /**
   * Present when the caller sent one sequence of ids, which is scored as it is: the position of the first token to
   * answer. x is then its first tokens, at least one, and y the others.
   */
  readonly from?: number
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
  readonly detail: 'summary' | 'tokens' | 'words'
  readonly topLogprobs: number
  /** Statistics of y; null for none. */
  readonly statistics: StatisticOptions | null
  /** Whether the tokens of a result are objects, or each property of all tokens is one array. */
  readonly format: 'objects' | 'arrays'
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
  format: 'objects',
  verify: 'standard'
}

/** Of a sequence of ids, nothing is added or dropped, and log Pr(y | x) is the only sum. */
const OF_IDS = { boundary: 'tokens', prefixToken: 'none', eos: 'none', onOverflow: 'error', terms: new Set<Term>(['conditional']) } as const

/** The options that apply to an item of the request. */
export function optionsOf({ from }: Pick<LogprobItem, 'from'>, options: LogprobOptions): LogprobOptions {
  return from === undefined ? options : { ...options, ...OF_IDS }
}
