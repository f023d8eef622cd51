import { ServiceError } from '../../errors.ts'
import { textInPortions } from '../detokenize.ts'
import { bytesOfToken, type TokenBytes } from '../token-bytes.ts'
import type {
  ChatTerms,
  Conversation,
  EncodedAnswer,
  EncodedChat,
  EncodedConversation,
  EncodeOptions,
  JsonValue,
  TextTokenizer,
  TokenizedText,
  TokenizeInput,
  Tokenizer,
  TokenizerDescription,
  TokenizerInfo,
  TokenizingTerms
} from '../tokenizer.ts'
import { PORTION_UNITS, ThreadCalls } from './thread-calls.ts'
import type { TokenizerReady, TokenizerThreadData } from './thread-messages.ts'

export interface TokenizerOptions {
  /** Lowers the priority of the thread below that of the process. */
  readonly niceness?: number
  /** UTF-16 units of all texts that may wait, with the one that is tokenized. */
  readonly maxUnits?: number
  /** A chat template of the model by name, or a file; empty uses the model's default. */
  readonly chatTemplate?: string
}

/**
 * Starts a tokenizer in its own thread; texts of more than LONG_UNITS get a second one on first use. A thread that
 * ends by itself is started again, up to four times in ten minutes; `onEnd` is called if one has ended for good.
 * Throws `model_invalid` if the tokenizer cannot be loaded.
 */
export async function startTokenizer(
  folder: string,
  onEnd: () => void,
  { niceness = 0, maxUnits = Number.POSITIVE_INFINITY, chatTemplate = '' }: TokenizerOptions = {}
): Promise<Tokenizer & TextTokenizer> {
  const calls = new ThreadCalls({ folder, niceness, withoutBytes: false, chatTemplate }, maxUnits, onEnd)
  const ready = await calls.start()
  return new ThreadTokenizer(ready, calls, () => new ThreadCalls({ folder, niceness, withoutBytes: true, chatTemplate }, maxUnits, onEnd))
}

/** Starts a tokenizer for POST /tokenize and /detokenize only, without the bytes of its tokens. */
export async function startTextTokenizer(
  folder: string,
  onEnd: () => void,
  { maxUnits = Number.POSITIVE_INFINITY, chatTemplate = '' }: TokenizerOptions = {}
): Promise<TextTokenizer> {
  const data: TokenizerThreadData = { folder, niceness: 0, withoutBytes: true, chatTemplate }
  const calls = new ThreadCalls(data, maxUnits, onEnd)
  return new ThreadTokenizer(await calls.start(), calls, () => calls)
}

/**
 * UTF-16 units above which a text has a thread of its own: tokenizing one text cannot be interrupted, and takes up to a
 * second for 100,000 units.
 */
const LONG_UNITS = 32_768

class ThreadTokenizer implements Tokenizer, TextTokenizer {
  readonly info: TokenizerInfo
  readonly description: TokenizerDescription
  readonly #tokenBytes: TokenBytes | null
  readonly #calls: ThreadCalls
  readonly #startLong: () => ThreadCalls
  #long: Promise<ThreadCalls> | null = null

  constructor({ info, description, tokenBytes }: TokenizerReady, calls: ThreadCalls, startLong: () => ThreadCalls) {
    this.info = info
    this.description = description
    this.#tokenBytes = tokenBytes
    this.#calls = calls
    this.#startLong = startLong
  }

  bytesOf(id: number): Uint8Array {
    return this.#tokenBytes === null ? new Uint8Array(0) : bytesOfToken(this.#tokenBytes, id)
  }

  /** Sends one portion at a time, so that texts of other requests can run in between. */
  async encode(texts: readonly string[], { parseSpecialTokens, continues = false, ...terms }: EncodeOptions): Promise<Int32Array[]> {
    const portions = await this.#inPortions(texts, (portion, units, calls) =>
      calls.ask('encoded', { kind: 'encode', texts: portion, parseSpecialTokens, continues }, units, terms)
    )
    return portions.flatMap(({ ids }) => ids)
  }

  async normalize(texts: readonly string[], { parseSpecialTokens, ...terms }: EncodeOptions): Promise<readonly string[]> {
    if (!this.info.hasNormalizer) return texts
    const portions = await this.#inPortions(texts, (portion, units, calls) =>
      calls.ask('normalized', { kind: 'normalize', texts: portion, parseSpecialTokens }, units, terms)
    )
    return portions.flatMap((portion) => portion.texts)
  }

  async encodeChat(conversation: Conversation, { maxTokens = Number.POSITIVE_INFINITY, ...terms }: ChatTerms = {}): Promise<EncodedChat> {
    this.#requireTemplate('send x and y instead of messages')
    const request = { kind: 'chat', conversation, maxTokens } as const
    return (await this.#once(unitsOfConversation(conversation), (units, calls) => calls.ask('chat_encoded', request, units, terms))).chat
  }

  async encodeConversation(
    conversation: Conversation,
    generatedRoles: readonly string[],
    { maxTokens = Number.POSITIVE_INFINITY, ...terms }: ChatTerms = {}
  ): Promise<EncodedConversation> {
    this.#requireTemplate('send segments instead of messages')
    const request = { kind: 'conversation', conversation, generatedRoles, maxTokens } as const
    return (await this.#once(unitsOfConversation(conversation), (units, calls) => calls.ask('conversation_encoded', request, units, terms))).conversation
  }

  async encodeAnswer(conversation: Conversation, { maxTokens = Number.POSITIVE_INFINITY, ...terms }: ChatTerms = {}): Promise<EncodedAnswer> {
    this.#requireTemplate('send prompts to /v1/completions instead')
    const request = { kind: 'answer', conversation, maxTokens } as const
    return (await this.#once(unitsOfConversation(conversation), (units, calls) => calls.ask('answer_encoded', request, units, terms))).answer
  }

  async tokenize(input: TokenizeInput, wantsSpellings: boolean, terms: TokenizingTerms = {}): Promise<TokenizedText> {
    if ('conversation' in input) this.#requireTemplate('send prompt instead of messages')
    return (await this.#once(unitsOf(input), (units, calls) => calls.ask('tokenized', { kind: 'tokenize', input, wantsSpellings }, units, terms))).tokens
  }

  async detokenize(ids: readonly number[], terms: TokenizingTerms = {}): Promise<string> {
    const release = this.#calls.reserve(ids.length)
    try {
      return await textInPortions(Int32Array.from(ids), (window) => this.#calls.ask('detokenized', { kind: 'detokenize', ...window }, window.ids.length, terms))
    } finally {
      release()
    }
  }

  async close(): Promise<void> {
    const long = this.#long
    await Promise.all([this.#calls.close(), long?.then((calls) => calls.close())])
  }

  async #inPortions<T>(texts: readonly string[], ask: (portion: readonly string[], units: number, calls: ThreadCalls) => Promise<T>): Promise<T[]> {
    const release = this.#calls.reserve(unitsOfTexts(texts))
    try {
      const answers: T[] = []
      for (const portion of tokenizeChunks(texts)) {
        const units = unitsOfTexts(portion)
        answers.push(await ask(portion, units, await this.#callsFor(units)))
      }
      return answers
    } finally {
      release()
    }
  }

  async #once<T>(units: number, ask: (units: number, calls: ThreadCalls) => Promise<T>): Promise<T> {
    const release = this.#calls.reserve(units)
    try {
      return await ask(units, await this.#callsFor(units))
    } finally {
      release()
    }
  }

  async #callsFor(units: number): Promise<ThreadCalls> {
    if (units <= LONG_UNITS) return this.#calls
    this.#long ??= startedLong(this.#startLong()).catch((error: unknown) => {
      this.#long = null
      throw error
    })
    return this.#long
  }

  #requireTemplate(advice: string): void {
    const { chatTemplateFault: fault } = this.info
    if (fault !== null) throw new ServiceError('chat_template_failed', `${fault}; ${advice}`, { param: 'messages' })
  }
}

async function startedLong(calls: ThreadCalls): Promise<ThreadCalls> {
  await calls.start()
  return calls
}

/**
 * Splits a list of texts into chunks of at most `maxUnits` UTF-16 units in total. A longer text is a chunk on its
 * own.
 */
export function* tokenizeChunks(texts: readonly string[], maxUnits = PORTION_UNITS): Generator<readonly string[]> {
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
    tokenize: (input, wantsSpellings, terms): Promise<TokenizedText> =>
      (unitsOf(input) <= MAX_SHORT_UNITS ? short : long).tokenize(input, wantsSpellings, terms),
    detokenize: (ids, terms) => (ids.length <= MAX_SHORT_UNITS ? short : long).detokenize(ids, terms),
    close: () => short.close()
  }
}

function unitsOf(input: TokenizeInput): number {
  return 'text' in input ? input.text.length : unitsOfConversation(input.conversation)
}

/** UTF-16 units of all texts and keys, which bound the time that a template takes. */
function unitsOfConversation({ messages, tools, documents, variables }: Conversation): number {
  return unitsOfJson([messages, tools, documents, variables])
}

function unitsOfJson(value: JsonValue): number {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object' || value === null) return 1
  return Object.entries(value).reduce((sum, [key, each]) => sum + (Array.isArray(value) ? 0 : key.length) + unitsOfJson(each ?? null), 1)
}

function unitsOfTexts(texts: readonly string[]): number {
  return texts.reduce((sum, { length }) => sum + length, 0)
}
