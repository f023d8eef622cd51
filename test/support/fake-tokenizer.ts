import { Text } from '../../src/jinja/text.ts'
import { AddedTokens } from '../../src/tokenizer/added-tokens.ts'
import { isMessageText } from '../../src/tokenizer/chat/content-spans.ts'
import { type ChatModel, encodeAnswer, encodeConversation } from '../../src/tokenizer/chat/conversation.ts'
import type { ChatMessage, Conversation, EncodedAnswer, EncodedChat, EncodedConversation, Tokenizer, TokenizerInfo } from '../../src/tokenizer/tokenizer.ts'

/** Control tokens and ordinary tokens by id. A token spans the boundary of a|b, and another that of b|c. */
const SPECIALS: ReadonlyMap<number, string> = new Map([
  [0, '<s>'],
  [1, '</s>']
])
const PIECES: ReadonlyMap<number, Buffer> = new Map([
  [2, Buffer.from(' ')],
  [3, Buffer.from('a')],
  [4, Buffer.from('b')],
  [5, Buffer.from('c')],
  [6, Buffer.from('ab')],
  [7, Buffer.from('bc')],
  [8, Buffer.from(' a')],
  [9, Buffer.of(0xc3)],
  [10, Buffer.of(0xa9)],
  [11, Buffer.from('<')],
  [12, Buffer.from('s')],
  [13, Buffer.from('>')]
])

const CONTROLS = new AddedTokens([...SPECIALS].map(([id, content]) => ({ id, content, special: true })))

interface Behaviour {
  readonly facts?: Partial<TokenizerInfo>
  /** Applied to a text before it is tokenized. */
  readonly normalize?: (text: string) => string
  /** Text that the chat template writes after its last control token. */
  readonly chatTail?: string
  /** Renders a conversation; by default `<s>` content `</s>` for every message, and `<s>` as generation prompt. */
  readonly template?: (messages: readonly ChatMessage[], addGenerationPrompt: boolean) => Text
}

/** A tokenizer that takes the longest matching token at every byte. It records its calls. */
export class FakeTokenizer implements Tokenizer {
  readonly info: TokenizerInfo
  /** The texts of each call. */
  readonly calls: (readonly string[])[] = []
  readonly #normalize: (text: string) => string
  readonly #chatTail: string
  readonly #template: NonNullable<Behaviour['template']>

  constructor({ facts = {}, normalize = (text) => text, chatTail = '', template = fakeTemplate }: Behaviour = {}) {
    this.info = {
      vocabSize: 14,
      baseVocabSize: 14,
      beginId: 0,
      endId: 1,
      endIdNote: null,
      transformersNotes: [],
      specials: SPECIALS,
      added: { before: [], after: [] },
      maxTokenBytes: 2,
      hasNormalizer: false,
      dropsLeadingSpace: false,
      prefixesFirstTextOnly: false,
      chatTemplateFault: null,
      ...facts
    }
    this.#normalize = normalize
    this.#chatTail = chatTail
    this.#template = template
  }

  bytesOf(id: number): Uint8Array {
    return PIECES.get(id) ?? new Uint8Array(0)
  }

  async encode(texts: readonly string[], { parseSpecialTokens }: { readonly parseSpecialTokens: boolean }): Promise<Int32Array[]> {
    this.calls.push(texts)
    return texts.map((text) => Int32Array.from(this.#ids(this.#normalize(text), parseSpecialTokens)))
  }

  async normalize(texts: readonly string[]): Promise<readonly string[]> {
    return texts.map(this.#normalize)
  }

  /** Returns `<s>` content `</s>` for every message, then the tail. */
  async encodeChat({ messages }: Conversation): Promise<EncodedChat> {
    const headIds = messages.flatMap((message) => [0, ...this.#ids(contentOf(message), false), 1])
    return { headIds: Int32Array.from(headIds), tail: this.#chatTail, warnings: [] }
  }

  async encodeConversation(
    conversation: Conversation,
    generatedRoles: readonly string[],
    terms?: { readonly maxTokens?: number }
  ): Promise<EncodedConversation> {
    return encodeConversation(conversation, generatedRoles, this.#chatModel(terms?.maxTokens))
  }

  async encodeAnswer(conversation: Conversation): Promise<EncodedAnswer> {
    return encodeAnswer(conversation, this.#chatModel())
  }

  async close(): Promise<void> {}

  #chatModel(maxTokens = Number.POSITIVE_INFINITY): ChatModel {
    return {
      maxTokens,
      render: ({ messages, addGenerationPrompt }) => ({
        text: this.#template(messages, addGenerationPrompt),
        sources: messages.map((_, message) => ({ message, field: 'content' })),
        generations: null,
        warnings: []
      }),
      pieces: ({ text }) =>
        CONTROLS.split(text.value, (_, start, end) => !isMessageText(text)(start, end)).map((piece) => ({
          ...piece,
          ids: piece.token === null ? this.#ids(this.#normalize(text.value.slice(piece.start, piece.end)), false) : [piece.token.id]
        })),
      bytesOf: (id) => this.bytesOf(id)
    }
  }

  #ids(text: string, parseSpecialTokens: boolean): number[] {
    const bytes = Buffer.from(text)
    const known = [...(parseSpecialTokens ? [...SPECIALS].map(([id, spelling]) => [id, Buffer.from(spelling)] as const) : []), ...PIECES]
    const ids: number[] = []
    for (let at = 0; at < bytes.length; ) {
      const fitting = known.filter(([, piece]) => bytes.subarray(at, at + piece.length).equals(piece))
      const longest = fitting.sort(([, a], [, b]) => b.length - a.length)[0]
      if (longest === undefined) throw new Error(`the fake tokenizer has no token for byte ${bytes[at]}`)
      ids.push(longest[0])
      at += longest[1].length
    }
    return ids
  }
}

function fakeTemplate(messages: readonly ChatMessage[], addGenerationPrompt: boolean): Text {
  const turns = messages.flatMap((message, i) => [new Text('<s>'), Text.from(contentOf(message), i), new Text('</s>')])
  return Text.concat([...turns, new Text(addGenerationPrompt ? '<s>' : '')])
}

/** The content of a message, which must be a text. */
export function contentOf({ content }: ChatMessage): string {
  if (typeof content !== 'string') throw new Error('the content is not a text')
  return content
}
