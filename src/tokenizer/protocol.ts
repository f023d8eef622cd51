import type { ErrorCode } from '../errors.ts'
import type { TokenizedText, TokenizeInput, TokenizerDescription } from './text-tokenizer.ts'
import type { ChatMessage, EncodedChat, EncodedConversation, TokenizerFacts } from './tokenizer.ts'

/** What a tokenizer thread is started with. */
export interface TokenizerThreadData {
  readonly folder: string
  /** By how much its priority is below that of the process, where threads have one of their own. */
  readonly niceness: number
  /** Whether nobody will ask for the bytes of its tokens, which take memory. */
  readonly withoutBytes: boolean
}

/** Messages between the main thread and a tokenizer thread; each request is answered once, by its `id`. */
export type ToTokenizer =
  | { readonly kind: 'encode'; readonly id: number; readonly texts: readonly string[]; readonly parseSpecialTokens: boolean }
  | { readonly kind: 'normalize'; readonly id: number; readonly texts: readonly string[]; readonly parseSpecialTokens: boolean }
  | { readonly kind: 'chat'; readonly id: number; readonly messages: readonly ChatMessage[] }
  | { readonly kind: 'conversation'; readonly id: number; readonly messages: readonly ChatMessage[]; readonly generatedRoles: readonly string[] }
  | { readonly kind: 'tokenize'; readonly id: number; readonly input: TokenizeInput; readonly wantsPieces: boolean }
  | { readonly kind: 'detokenize'; readonly id: number; readonly ids: readonly number[] }

export type FromTokenizer =
  | { readonly kind: 'ready'; readonly facts: TokenizerFacts; readonly description: TokenizerDescription; readonly tokenBytes: readonly Uint8Array[] }
  | { readonly kind: 'encoded'; readonly id: number; readonly ids: readonly Int32Array[] }
  | { readonly kind: 'normalized'; readonly id: number; readonly texts: readonly string[] }
  | { readonly kind: 'chat_encoded'; readonly id: number; readonly chat: EncodedChat }
  | { readonly kind: 'conversation_encoded'; readonly id: number; readonly conversation: EncodedConversation }
  | { readonly kind: 'tokenized'; readonly id: number; readonly tokens: TokenizedText }
  | { readonly kind: 'detokenized'; readonly id: number; readonly text: string }
  | { readonly kind: 'failed'; readonly id: number | null; readonly code: ErrorCode; readonly message: string }
