/** The messages between the front's main thread and a tokenizer thread. */

import type { ErrorCode } from '../../errors.ts'
import type { IdWindow, WindowText } from '../detokenize.ts'
import type { TokenBytes } from '../token-bytes.ts'
import type {
  Conversation,
  EncodedAnswer,
  EncodedChat,
  EncodedConversation,
  TokenizedText,
  TokenizeInput,
  TokenizerDescription,
  TokenizerInfo
} from '../tokenizer.ts'

/** Start parameters of a tokenizer thread. */
export interface TokenizerThreadData {
  readonly folder: string
  /** Nice value of the thread above that of the process, on platforms with thread priorities. */
  readonly niceness: number
  /** Whether to leave out the bytes of tokens, which take memory. */
  readonly withoutBytes: boolean
  /** A chat template of the model by name, or a file; empty uses the model's default. */
  readonly chatTemplate: string
}

/** Messages to a tokenizer thread. The thread answers each one once, with the same `id`. */
export type ToTokenizer =
  | { readonly kind: 'encode'; readonly id: number; readonly texts: readonly string[]; readonly parseSpecialTokens: boolean; readonly continues: boolean }
  | { readonly kind: 'normalize'; readonly id: number; readonly texts: readonly string[]; readonly parseSpecialTokens: boolean }
  | { readonly kind: 'chat'; readonly id: number; readonly conversation: Conversation; readonly maxTokens: number }
  | { readonly kind: 'answer'; readonly id: number; readonly conversation: Conversation; readonly maxTokens: number }
  | {
      readonly kind: 'conversation'
      readonly id: number
      readonly conversation: Conversation
      readonly generatedRoles: readonly string[]
      readonly maxTokens: number
    }
  | { readonly kind: 'tokenize'; readonly id: number; readonly input: TokenizeInput; readonly wantsSpellings: boolean }
  | ({ readonly kind: 'detokenize'; readonly id: number } & IdWindow)

/** Messages from a tokenizer thread. `failed` without an id means that the thread could not start. */
export type FromTokenizer =
  | TokenizerReady
  | { readonly kind: 'failed'; readonly id: number | null; readonly code: ErrorCode; readonly param: string | undefined; readonly message: string }
  | TokenizerAnswer

export interface TokenizerReady {
  readonly kind: 'ready'
  readonly info: TokenizerInfo
  readonly description: TokenizerDescription
  /** Null without the bytes. */
  readonly tokenBytes: TokenBytes | null
  /** SHA-256 of the tokenizer's files. */
  readonly filesSha256: string
}

export type TokenizerAnswer =
  | { readonly kind: 'encoded'; readonly id: number; readonly ids: readonly Int32Array[] }
  | { readonly kind: 'normalized'; readonly id: number; readonly texts: readonly string[] }
  | { readonly kind: 'chat_encoded'; readonly id: number; readonly chat: EncodedChat }
  | { readonly kind: 'conversation_encoded'; readonly id: number; readonly conversation: EncodedConversation }
  | { readonly kind: 'answer_encoded'; readonly id: number; readonly answer: EncodedAnswer }
  | { readonly kind: 'tokenized'; readonly id: number; readonly tokens: TokenizedText }
  | ({ readonly kind: 'detokenized'; readonly id: number } & WindowText)

export type AnswerOf<Kind> = Extract<TokenizerAnswer, { readonly kind: Kind }>
/** `Omit` on its own would merge the members of the union. */
export type WithoutId<Message> = Message extends unknown ? Omit<Message, 'id'> : never
