import type { Tokenizer } from '../tokenizer/tokenizer.ts'

/** The properties of the model that encoding depends on. */
export interface EncodingContext {
  readonly tokenizer: Tokenizer
  readonly vocabSize: number
  /** Longest sequence, including the prefix token. */
  readonly maxModelLen: number
  /** The token that precedes every text under `prefix_token: auto`; null when the model has none. */
  readonly prefixTokenId: number | null
}
