import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { ServiceError } from '../errors.ts'
import { type FromTokenizer, ThreadCalls, type TokenizerThreadData } from './thread-calls.ts'
import type {
  ChatMessage,
  EncodedChat,
  EncodedConversation,
  TextTokenizer,
  TokenizedText,
  TokenizeInput,
  Tokenizer,
  TokenizerDescription,
  TokenizerInfo
} from './tokenizer.ts'

/**
 * Starts a tokenizer in its own thread. `niceness` lowers its priority below that of the process; `onEnd` is called if
 * the thread ends by itself. Throws `model_invalid` if the tokenizer cannot be loaded.
 */
export function startTokenizer(folder: string, onEnd: () => void, niceness = 0): Promise<Tokenizer & TextTokenizer> {
  return start({ folder, niceness, withoutBytes: false }, onEnd)
}

/** Starts a tokenizer for POST /tokenize and /detokenize only, without the bytes of its tokens. */
export function startTextTokenizer(folder: string, onEnd: () => void): Promise<TextTokenizer> {
  return start({ folder, niceness: 0, withoutBytes: true }, onEnd)
}

async function start(workerData: TokenizerThreadData, onEnd: () => void): Promise<ThreadTokenizer> {
  const worker = new Worker(new URL(`./thread-entry${extname(import.meta.url)}`, import.meta.url), { workerData })
  const first = await firstMessage(worker)
  if (first.kind !== 'ready') {
    await worker.terminate()
    throw new ServiceError(
      'model_invalid',
      first.kind === 'failed' ? `the tokenizer could not be loaded: ${first.message}` : 'the tokenizer thread did not start'
    )
  }
  return new ThreadTokenizer(first, new ThreadCalls(worker, onEnd))
}

function firstMessage(worker: Worker): Promise<FromTokenizer> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

class ThreadTokenizer implements Tokenizer, TextTokenizer {
  readonly info: TokenizerInfo
  readonly description: TokenizerDescription
  readonly #tokenBytes: readonly Uint8Array[]
  readonly #calls: ThreadCalls

  constructor({ info, description, tokenBytes }: Extract<FromTokenizer, { kind: 'ready' }>, calls: ThreadCalls) {
    this.info = info
    this.description = description
    this.#tokenBytes = tokenBytes
    this.#calls = calls
  }

  bytesOf(id: number): Uint8Array {
    return this.#tokenBytes[id] ?? new Uint8Array(0)
  }

  /** Sends one chunk at a time, so that texts of other requests can run in between. */
  async encode(texts: readonly string[], { parseSpecialTokens }: { readonly parseSpecialTokens: boolean }): Promise<Int32Array[]> {
    const encoded: Int32Array[] = []
    for (const chunk of tokenizeChunks(texts)) {
      const { ids } = await this.#calls.ask('encoded', { kind: 'encode', texts: chunk, parseSpecialTokens })
      for (const each of ids) encoded.push(each)
    }
    return encoded
  }

  async normalize(texts: readonly string[], { parseSpecialTokens }: { readonly parseSpecialTokens: boolean }): Promise<readonly string[]> {
    if (texts.length === 0 || !this.info.hasNormalizer) return texts
    return (await this.#calls.ask('normalized', { kind: 'normalize', texts, parseSpecialTokens })).texts
  }

  async encodeChat(messages: readonly ChatMessage[]): Promise<EncodedChat> {
    this.#requireTemplate('send x and y instead of messages')
    return (await this.#calls.ask('chat_encoded', { kind: 'chat', messages })).chat
  }

  async encodeConversation(messages: readonly ChatMessage[], generatedRoles: readonly string[]): Promise<EncodedConversation> {
    this.#requireTemplate('send segments instead of messages')
    return (await this.#calls.ask('conversation_encoded', { kind: 'conversation', messages, generatedRoles })).conversation
  }

  async tokenize(input: TokenizeInput, wantsSpellings: boolean): Promise<TokenizedText> {
    if ('messages' in input) this.#requireTemplate('send prompt instead of messages')
    return (await this.#calls.ask('tokenized', { kind: 'tokenize', input, wantsSpellings })).tokens
  }

  async detokenize(ids: readonly number[]): Promise<string> {
    return (await this.#calls.ask('detokenized', { kind: 'detokenize', ids })).text
  }

  close(): Promise<void> {
    return this.#calls.close()
  }

  #requireTemplate(advice: string): void {
    if (!this.info.hasChatTemplate) throw new ServiceError('chat_template_failed', `this model has no chat template; ${advice}`)
  }
}

/**
 * UTF-16 units. 10 to 20 ms of work: a short wait for the next request, and long compared with the cost of a message.
 */
const CHUNK_UNITS = 16_384

/**
 * Splits a list of texts into chunks of at most `maxUnits` UTF-16 units in total. A longer text is a chunk on its
 * own.
 */
export function* tokenizeChunks(texts: readonly string[], maxUnits = CHUNK_UNITS): Generator<readonly string[]> {
  let first = 0
  let units = 0
  for (const [i, { length }] of texts.entries()) {
    if (i > first && units + length > maxUnits) {
      yield texts.slice(first, i)
      first = i
      units = 0
    }
    units += length
  }
  if (first < texts.length) yield texts.slice(first)
}

/** UTF-16 units of a text, or ids. At most some 2 ms of work. */
const MAX_SHORT_UNITS = 2048

/**
 * Sends short texts to `short` and long ones to `long`, so that a short text never waits for a long one. `short` must
 * not encode texts for scoring either.
 */
export function tokenizerByLength(short: TextTokenizer, long: Pick<TextTokenizer, 'tokenize' | 'detokenize'>): TextTokenizer {
  return {
    description: short.description,
    tokenize: (input, wantsSpellings): Promise<TokenizedText> => (unitsOf(input) <= MAX_SHORT_UNITS ? short : long).tokenize(input, wantsSpellings),
    detokenize: (ids) => (ids.length <= MAX_SHORT_UNITS ? short : long).detokenize(ids),
    close: () => short.close()
  }
}

function unitsOf(input: TokenizeInput): number {
  return 'text' in input ? input.text.length : input.messages.reduce((sum, { role, content }) => sum + role.length + content.length, 0)
}
