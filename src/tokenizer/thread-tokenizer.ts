import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { ServiceError } from '../errors.ts'
import { type FromTokenizer, ThreadCalls, type TokenizerThreadData, type ToTokenizer } from './thread-calls.ts'
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

type Request = ToTokenizer extends infer Kind ? (Kind extends unknown ? Omit<Kind, 'id'> : never) : never
type Ready = Extract<FromTokenizer, { kind: 'ready' }>
type Answer = Exclude<FromTokenizer, { kind: 'ready' | 'failed' }>

/**
 * Starts a tokenizer in a thread of its own, `niceness` below the priority of the others; `onEnd` is called should the
 * thread end by itself. Throws `model_invalid` when the folder has no usable tokenizer.
 */
export function startTokenizer(folder: string, onEnd: () => void, niceness = 0): Promise<Tokenizer & TextTokenizer> {
  return start({ folder, niceness, withoutBytes: false }, onEnd)
}

/** As above, for texts that are not scored. */
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
  readonly #calls: ThreadCalls<Request, Answer>

  constructor({ facts, description, tokenBytes }: Ready, calls: ThreadCalls<Request, Answer>) {
    this.info = facts
    this.description = description
    this.#tokenBytes = tokenBytes
    this.#calls = calls
  }

  bytesOf(id: number): Uint8Array {
    return this.#tokenBytes[id] ?? new Uint8Array(0)
  }

  /** One portion after the other, so that texts of other requests come between them. */
  async encode(texts: readonly string[], { parseSpecialTokens }: { readonly parseSpecialTokens: boolean }): Promise<Int32Array[]> {
    const encoded: Int32Array[] = []
    for (const portion of tokenizeChunks(texts)) {
      const { ids } = await this.#ask('encoded', { kind: 'encode', texts: portion, parseSpecialTokens })
      for (const each of ids) encoded.push(each)
    }
    return encoded
  }

  async normalize(texts: readonly string[], { parseSpecialTokens }: { readonly parseSpecialTokens: boolean }): Promise<readonly string[]> {
    if (texts.length === 0 || !this.info.hasNormalizer) return texts
    return (await this.#ask('normalized', { kind: 'normalize', texts, parseSpecialTokens })).texts
  }

  async encodeChat(messages: readonly ChatMessage[]): Promise<EncodedChat> {
    this.#needTemplate('send x and y instead of messages')
    return (await this.#ask('chat_encoded', { kind: 'chat', messages })).chat
  }

  async encodeConversation(messages: readonly ChatMessage[], generatedRoles: readonly string[]): Promise<EncodedConversation> {
    this.#needTemplate('send segments instead of messages')
    return (await this.#ask('conversation_encoded', { kind: 'conversation', messages, generatedRoles })).conversation
  }

  async tokenize(input: TokenizeInput, wantsPieces: boolean): Promise<TokenizedText> {
    if ('messages' in input) this.#needTemplate('send prompt instead of messages')
    return (await this.#ask('tokenized', { kind: 'tokenize', input, wantsPieces })).tokens
  }

  async detokenize(ids: readonly number[]): Promise<string> {
    return (await this.#ask('detokenized', { kind: 'detokenize', ids })).text
  }

  close(): Promise<void> {
    return this.#calls.close()
  }

  #needTemplate(advice: string): void {
    if (!this.info.hasChatTemplate) throw new ServiceError('chat_template_failed', `this model has no chat template; ${advice}`)
  }

  async #ask<Kind extends Answer['kind']>(kind: Kind, request: Request): Promise<Extract<Answer, { kind: Kind }>> {
    const answer = await this.#calls.ask(request)
    if (answer.kind !== kind) throw new Error('the tokenizer thread answered another question')
    return answer as Extract<Answer, { kind: Kind }>
  }
}

/** Some 10 to 20 ms of work: little enough that nobody waits long behind it, enough that the messages cost nothing beside it. */
const PORTION_UNITS = 16_384

/** Cuts a list of texts into runs of at most so many UTF-16 units together, or of one longer text. */
export function* tokenizeChunks(texts: readonly string[], mostUnits = PORTION_UNITS): Generator<readonly string[]> {
  let first = 0
  let units = 0
  for (const [i, { length }] of texts.entries()) {
    if (i > first && units + length > mostUnits) {
      yield texts.slice(first, i)
      first = i
      units = 0
    }
    units += length
  }
  if (first < texts.length) yield texts.slice(first)
}

/** UTF-16 units of a text, or ids: some 2 ms of work at most. More would keep the next one waiting. */
const SHORT = 2048

/**
 * Short texts to `short`, long ones to `long`, so that a short one never waits for a long one. `short` is given nothing that
 * is scored either.
 */
export function tokenizerByLength(short: TextTokenizer, long: Pick<TextTokenizer, 'tokenize' | 'detokenize'>): TextTokenizer {
  return {
    description: short.description,
    tokenize: (input, wantsPieces): Promise<TokenizedText> => (unitsOf(input) <= SHORT ? short : long).tokenize(input, wantsPieces),
    detokenize: (ids) => (ids.length <= SHORT ? short : long).detokenize(ids),
    close: () => short.close()
  }
}

function unitsOf(input: TokenizeInput): number {
  return 'text' in input ? input.text.length : input.messages.reduce((sum, { role, content }) => sum + role.length + content.length, 0)
}
