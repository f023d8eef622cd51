import type { Worker } from 'node:worker_threads'
import { type ErrorCode, ServiceError } from '../errors.ts'
import type { ChatMessage, EncodedChat, EncodedConversation, TokenizedText, TokenizeInput, TokenizerDescription, TokenizerInfo } from './tokenizer.ts'

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
  | { readonly kind: 'ready'; readonly facts: TokenizerInfo; readonly description: TokenizerDescription; readonly tokenBytes: readonly Uint8Array[] }
  | { readonly kind: 'encoded'; readonly id: number; readonly ids: readonly Int32Array[] }
  | { readonly kind: 'normalized'; readonly id: number; readonly texts: readonly string[] }
  | { readonly kind: 'chat_encoded'; readonly id: number; readonly chat: EncodedChat }
  | { readonly kind: 'conversation_encoded'; readonly id: number; readonly conversation: EncodedConversation }
  | { readonly kind: 'tokenized'; readonly id: number; readonly tokens: TokenizedText }
  | { readonly kind: 'detokenized'; readonly id: number; readonly text: string }
  | { readonly kind: 'failed'; readonly id: number | null; readonly code: ErrorCode; readonly message: string }

/** Every answer of a tokenizer thread has the id of its call; `failed` with null is about the thread itself. */
interface AnswerShape {
  readonly kind: string
  readonly id?: number | null
}
interface Failed {
  readonly kind: 'failed'
  readonly id: number | null
  readonly code: ErrorCode
  readonly message: string
}
interface Waiting<Answer> {
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: ServiceError) => void
}

/** Calls to a thread that answers each message once, and their ends should the thread end by itself. */
export class ThreadCalls<Request extends object, Answer extends AnswerShape> {
  readonly #worker: Worker
  readonly #onEnd: () => void
  readonly #waiting = new Map<number, Waiting<Answer>>()
  #lastId = 0
  #isOver = false

  constructor(worker: Worker, onEnd: () => void) {
    this.#worker = worker
    this.#onEnd = onEnd
    worker.on('message', (message: Answer | Failed) => this.#receive(message))
    worker.on('error', () => this.#end())
    worker.on('exit', () => this.#end())
  }

  /** Rejects with what the thread throws, and with `engine_unavailable` when it has ended. */
  ask(request: Request): Promise<Answer> {
    if (this.#isOver) return Promise.reject(ended())
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId
      this.#waiting.set(id, { resolve, reject })
      this.#worker.postMessage({ ...request, id })
    })
  }

  async close(): Promise<void> {
    this.#isOver = true
    await this.#worker.terminate()
  }

  #receive(message: Answer | Failed): void {
    const { id } = message
    if (id === undefined || id === null) return
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (isFailed(message)) waiting?.reject(new ServiceError(message.code, message.message))
    else waiting?.resolve(message)
  }

  #end(): void {
    if (!this.#isOver) this.#onEnd()
    this.#isOver = true
    for (const { reject } of this.#waiting.values()) reject(ended())
    this.#waiting.clear()
  }
}

function isFailed(message: AnswerShape): message is Failed {
  return message.kind === 'failed'
}

function ended(): ServiceError {
  return new ServiceError('engine_unavailable', 'the tokenizer thread has ended; the service has to be started again')
}
