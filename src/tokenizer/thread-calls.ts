import type { Worker } from 'node:worker_threads'
import { type ErrorCode, ServiceError } from '../errors.ts'
import type { ChatMessage, EncodedChat, EncodedConversation, TokenizedText, TokenizeInput, TokenizerDescription, TokenizerInfo } from './tokenizer.ts'

/** Start parameters of a tokenizer thread. */
export interface TokenizerThreadData {
  readonly folder: string
  /** Nice value of the thread above that of the process, on platforms with thread priorities. */
  readonly niceness: number
  /** Whether to leave out the bytes of tokens, which take memory. */
  readonly withoutBytes: boolean
}

/** Messages to a tokenizer thread. The thread answers each one once, with the same `id`. */
export type ToTokenizer =
  | { readonly kind: 'encode'; readonly id: number; readonly texts: readonly string[]; readonly parseSpecialTokens: boolean }
  | { readonly kind: 'normalize'; readonly id: number; readonly texts: readonly string[]; readonly parseSpecialTokens: boolean }
  | { readonly kind: 'chat'; readonly id: number; readonly messages: readonly ChatMessage[] }
  | { readonly kind: 'conversation'; readonly id: number; readonly messages: readonly ChatMessage[]; readonly generatedRoles: readonly string[] }
  | { readonly kind: 'tokenize'; readonly id: number; readonly input: TokenizeInput; readonly wantsSpellings: boolean }
  | { readonly kind: 'detokenize'; readonly id: number; readonly ids: readonly number[] }

/** Messages from a tokenizer thread. `failed` without an id means that the thread could not start. */
export type FromTokenizer =
  | { readonly kind: 'ready'; readonly info: TokenizerInfo; readonly description: TokenizerDescription; readonly tokenBytes: readonly Uint8Array[] }
  | { readonly kind: 'failed'; readonly id: number | null; readonly code: ErrorCode; readonly message: string }
  | TokenizerAnswer

type TokenizerAnswer =
  | { readonly kind: 'encoded'; readonly id: number; readonly ids: readonly Int32Array[] }
  | { readonly kind: 'normalized'; readonly id: number; readonly texts: readonly string[] }
  | { readonly kind: 'chat_encoded'; readonly id: number; readonly chat: EncodedChat }
  | { readonly kind: 'conversation_encoded'; readonly id: number; readonly conversation: EncodedConversation }
  | { readonly kind: 'tokenized'; readonly id: number; readonly tokens: TokenizedText }
  | { readonly kind: 'detokenized'; readonly id: number; readonly text: string }

type AnswerOf<Kind> = Extract<TokenizerAnswer, { readonly kind: Kind }>
/** `Omit` on its own would merge the members of the union. */
type WithoutId<Message> = Message extends unknown ? Omit<Message, 'id'> : never

interface PendingCall {
  readonly resolve: (answer: TokenizerAnswer) => void
  readonly reject: (error: ServiceError) => void
}

/** Calls to a tokenizer thread. All pending calls are rejected if the thread ends. */
export class ThreadCalls {
  readonly #worker: Worker
  readonly #onEnd: () => void
  readonly #pending = new Map<number, PendingCall>()
  #lastId = 0
  #hasEnded = false

  /** `onEnd` is called if the thread ends by itself. */
  constructor(worker: Worker, onEnd: () => void) {
    this.#worker = worker
    this.#onEnd = onEnd
    worker.on('message', (message: FromTokenizer) => this.#receive(message))
    worker.on('error', () => this.#end())
    worker.on('exit', () => this.#end())
  }

  /** Rejects with the error that the thread reports, and with `engine_unavailable` if the thread has ended. */
  async ask<Kind extends TokenizerAnswer['kind']>(kind: Kind, request: WithoutId<ToTokenizer>): Promise<AnswerOf<Kind>> {
    if (this.#hasEnded) throw ended()
    const answer = await new Promise<TokenizerAnswer>((resolve, reject) => {
      const id = ++this.#lastId
      this.#pending.set(id, { resolve, reject })
      this.#worker.postMessage({ ...request, id })
    })
    if (answer.kind !== kind) throw new Error(`the tokenizer thread answered ${request.kind} with ${answer.kind} instead of ${kind}: report a bug`)
    return answer as AnswerOf<Kind>
  }

  async close(): Promise<void> {
    this.#hasEnded = true
    await this.#worker.terminate()
  }

  #receive(message: FromTokenizer): void {
    if (message.kind === 'ready' || message.id === null) return
    const call = this.#pending.get(message.id)
    this.#pending.delete(message.id)
    if (message.kind === 'failed') call?.reject(new ServiceError(message.code, message.message))
    else call?.resolve(message)
  }

  #end(): void {
    if (!this.#hasEnded) this.#onEnd()
    this.#hasEnded = true
    for (const { reject } of this.#pending.values()) reject(ended())
    this.#pending.clear()
  }
}

function ended(): ServiceError {
  return new ServiceError('engine_unavailable', 'the tokenizer thread has ended; restart the service')
}
