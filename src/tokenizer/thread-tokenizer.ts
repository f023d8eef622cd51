import type { Worker } from 'node:worker_threads'
import { ServiceError } from '../errors.ts'
import type { FromTokenizer, ToTokenizer } from './protocol.ts'
import { startThread } from './start-thread.ts'
import { ThreadCalls } from './thread-calls.ts'
import type { ChatMessage, EncodedChat, EncodedConversation, Tokenizer, TokenizerFacts } from './tokenizer.ts'

type Request = ToTokenizer extends infer Kind ? (Kind extends unknown ? Omit<Kind, 'id'> : never) : never
type Answer = Extract<FromTokenizer, { kind: 'encoded' | 'normalized' | 'chat_encoded' | 'conversation_encoded' }>
type Ready = Extract<FromTokenizer, { kind: 'ready' }>

/**
 * Starts a tokenizer in a thread of its own; `onEnd` is called should the thread end by itself. Throws `model_invalid`
 * when the folder has no usable tokenizer.
 */
export async function startTokenizer(folder: string, onEnd: () => void): Promise<Tokenizer> {
  const { worker, ready } = await startThread<Ready>('thread-entry', folder)
  return new ThreadTokenizer(worker, ready.facts, ready.tokenBytes, onEnd)
}

class ThreadTokenizer implements Tokenizer {
  readonly facts: TokenizerFacts
  readonly #tokenBytes: readonly Uint8Array[]
  readonly #calls: ThreadCalls<Request, Answer>

  constructor(worker: Worker, facts: TokenizerFacts, tokenBytes: readonly Uint8Array[], onEnd: () => void) {
    this.facts = facts
    this.#tokenBytes = tokenBytes
    this.#calls = new ThreadCalls(worker, onEnd)
  }

  bytesOf(id: number): Uint8Array {
    return this.#tokenBytes[id] ?? new Uint8Array(0)
  }

  async encode(texts: readonly string[], { parseSpecialTokens }: { readonly parseSpecialTokens: boolean }): Promise<Int32Array[]> {
    if (texts.length === 0) return []
    const answer = await this.#calls.ask({ kind: 'encode', texts, parseSpecialTokens })
    return answer.kind === 'encoded' ? [...answer.ids] : []
  }

  async normalize(texts: readonly string[], { parseSpecialTokens }: { readonly parseSpecialTokens: boolean }): Promise<readonly string[]> {
    if (texts.length === 0 || !this.facts.hasNormalizer) return texts
    const answer = await this.#calls.ask({ kind: 'normalize', texts, parseSpecialTokens })
    return answer.kind === 'normalized' ? answer.texts : []
  }

  async encodeChat(messages: readonly ChatMessage[]): Promise<EncodedChat> {
    this.#needTemplate('send x and y instead of messages')
    const answer = await this.#calls.ask({ kind: 'chat', messages })
    if (answer.kind !== 'chat_encoded') throw new Error('the tokenizer thread answered another question')
    return answer.chat
  }

  async encodeConversation(messages: readonly ChatMessage[], generatedRoles: readonly string[]): Promise<EncodedConversation> {
    this.#needTemplate('send segments instead of messages')
    const answer = await this.#calls.ask({ kind: 'conversation', messages, generatedRoles })
    if (answer.kind !== 'conversation_encoded') throw new Error('the tokenizer thread answered another question')
    return answer.conversation
  }

  close(): Promise<void> {
    return this.#calls.close()
  }

  #needTemplate(advice: string): void {
    if (!this.facts.hasChatTemplate) throw new ServiceError('chat_template_failed', `this model has no chat template; ${advice}`)
  }
}
