import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { ServiceError } from '../errors.ts'
import type { FromTokenizer, ToTokenizer } from './protocol.ts'
import type { ChatMessage, EncodedChat, EncodedConversation, Tokenizer, TokenizerFacts } from './tokenizer.ts'

type Request = ToTokenizer extends infer Kind ? (Kind extends unknown ? Omit<Kind, 'id'> : never) : never
type Answer = Extract<FromTokenizer, { kind: 'encoded' | 'normalized' | 'chat_encoded' | 'conversation_encoded' }>
interface Waiting {
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: ServiceError) => void
}

/**
 * Starts a tokenizer in a thread of its own; `onEnd` is called should the thread end by itself. Throws `model_invalid`
 * when the folder has no usable tokenizer.
 */
export async function startTokenizer(folder: string, onEnd: () => void): Promise<Tokenizer> {
  const worker = new Worker(new URL(`./thread-entry${extname(import.meta.url)}`, import.meta.url), { workerData: folder })
  const first = await firstMessage(worker)
  if (first.kind !== 'ready') {
    await worker.terminate()
    throw new ServiceError(
      'model_invalid',
      first.kind === 'failed' ? `the tokenizer could not be loaded: ${first.message}` : 'the tokenizer thread did not start'
    )
  }
  return new ThreadTokenizer(worker, first.facts, first.tokenBytes, onEnd)
}

function firstMessage(worker: Worker): Promise<FromTokenizer> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

class ThreadTokenizer implements Tokenizer {
  readonly facts: TokenizerFacts
  readonly #tokenBytes: readonly Uint8Array[]
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0
  #isOver = false
  readonly #onEnd: () => void

  constructor(worker: Worker, facts: TokenizerFacts, tokenBytes: readonly Uint8Array[], onEnd: () => void) {
    this.facts = facts
    this.#onEnd = onEnd
    this.#tokenBytes = tokenBytes
    this.#worker = worker
    worker.on('message', (message: FromTokenizer) => this.#receive(message))
    worker.on('error', () => this.#end())
    worker.on('exit', () => this.#end())
  }

  bytesOf(id: number): Uint8Array {
    return this.#tokenBytes[id] ?? new Uint8Array(0)
  }

  async encode(texts: readonly string[], { parseSpecialTokens }: { readonly parseSpecialTokens: boolean }): Promise<Int32Array[]> {
    if (texts.length === 0) return []
    const answer = await this.#ask({ kind: 'encode', texts, parseSpecialTokens })
    return answer.kind === 'encoded' ? [...answer.ids] : []
  }

  async normalize(texts: readonly string[], { parseSpecialTokens }: { readonly parseSpecialTokens: boolean }): Promise<readonly string[]> {
    if (texts.length === 0 || !this.facts.hasNormalizer) return texts
    const answer = await this.#ask({ kind: 'normalize', texts, parseSpecialTokens })
    return answer.kind === 'normalized' ? answer.texts : []
  }

  async encodeChat(messages: readonly ChatMessage[]): Promise<EncodedChat> {
    this.#needTemplate('send x and y instead of messages')
    const answer = await this.#ask({ kind: 'chat', messages })
    if (answer.kind !== 'chat_encoded') throw new Error('the tokenizer thread answered another question')
    return answer.chat
  }

  async encodeConversation(messages: readonly ChatMessage[], generatedRoles: readonly string[]): Promise<EncodedConversation> {
    this.#needTemplate('send segments instead of messages')
    const answer = await this.#ask({ kind: 'conversation', messages, generatedRoles })
    if (answer.kind !== 'conversation_encoded') throw new Error('the tokenizer thread answered another question')
    return answer.conversation
  }

  async close(): Promise<void> {
    this.#isOver = true
    await this.#worker.terminate()
  }

  #needTemplate(advice: string): void {
    if (!this.facts.hasChatTemplate) throw new ServiceError('chat_template_failed', `this model has no chat template; ${advice}`)
  }

  #ask(request: Request): Promise<Answer> {
    if (this.#isOver) return Promise.reject(ended())
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId
      this.#waiting.set(id, { resolve, reject })
      this.#worker.postMessage({ ...request, id })
    })
  }

  #receive(message: FromTokenizer): void {
    if (message.kind === 'ready' || message.id === null) return
    const waiting = this.#waiting.get(message.id)
    this.#waiting.delete(message.id)
    if (message.kind === 'failed') waiting?.reject(new ServiceError(message.code, message.message))
    else waiting?.resolve(message)
  }

  #end(): void {
    if (!this.#isOver) this.#onEnd()
    this.#isOver = true
    for (const { reject } of this.#waiting.values()) reject(ended())
    this.#waiting.clear()
  }
}

function ended(): ServiceError {
  return new ServiceError('engine_unavailable', 'the tokenizer thread has ended; the service has to be started again')
}
