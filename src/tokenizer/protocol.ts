import type { ErrorCode } from '../errors.ts'
import type { ChatMessage, EncodedChat, EncodedConversation, TokenizerFacts } from './tokenizer.ts'

/** Messages between the main thread and the tokenizer thread; each request is answered once, by its `id`. */
export type ToTokenizer =
  | { readonly kind: 'encode'; readonly id: number; readonly texts: readonly string[]; readonly parseSpecialTokens: boolean }
  | { readonly kind: 'normalize'; readonly id: number; readonly texts: readonly string[]; readonly parseSpecialTokens: boolean }
  | { readonly kind: 'chat'; readonly id: number; readonly messages: readonly ChatMessage[] }
  | { readonly kind: 'conversation'; readonly id: number; readonly messages: readonly ChatMessage[]; readonly generatedRoles: readonly string[] }

export type FromTokenizer =
  | { readonly kind: 'ready'; readonly facts: TokenizerFacts; readonly tokenBytes: readonly Uint8Array[] }
  | { readonly kind: 'encoded'; readonly id: number; readonly ids: readonly Int32Array[] }
  | { readonly kind: 'normalized'; readonly id: number; readonly texts: readonly string[] }
  | { readonly kind: 'chat_encoded'; readonly id: number; readonly chat: EncodedChat }
  | { readonly kind: 'conversation_encoded'; readonly id: number; readonly conversation: EncodedConversation }
  | { readonly kind: 'failed'; readonly id: number | null; readonly code: ErrorCode; readonly message: string }
