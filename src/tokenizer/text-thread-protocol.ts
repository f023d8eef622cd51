import type { ErrorCode } from '../errors.ts'
import type { TokenizedText, TokenizeInput, TokenizerDescription } from './text-tokenizer.ts'

/** Messages between the main thread and the thread of a text tokenizer; each request is answered once, by its `id`. */
export type ToTextTokenizer =
  | { readonly kind: 'tokenize'; readonly id: number; readonly input: TokenizeInput; readonly wantsPieces: boolean }
  | { readonly kind: 'detokenize'; readonly id: number; readonly ids: readonly number[] }

export type FromTextTokenizer =
  | { readonly kind: 'ready'; readonly description: TokenizerDescription }
  | { readonly kind: 'tokenized'; readonly id: number; readonly tokens: TokenizedText }
  | { readonly kind: 'detokenized'; readonly id: number; readonly text: string }
  | { readonly kind: 'failed'; readonly id: number | null; readonly code: ErrorCode; readonly message: string }
