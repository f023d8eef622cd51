/** What the rest of the code knows of a tokenizer. It has no offsets: positions in the text come from token bytes. */
export interface Tokenizer {
  readonly facts: TokenizerFacts
  /** The bytes that a token stands for in text; empty for control tokens and ids without an entry. */
  bytesOf(id: number): Uint8Array
  /**
   * Token ids of each text, nothing added. Control tokens spelled in a text are ordinary text unless
   * `parseSpecialTokens`. Runs off the main thread, because a megabyte takes seconds.
   */
  encode(texts: readonly string[], options: { readonly parseSpecialTokens: boolean }): Promise<Int32Array[]>
  /**
   * Each text as the tokenizer's normalizer leaves it, in the bytes that its tokens spell; the text itself when it has
   * no normalizer. Control tokens as with `encode`.
   */
  normalize(texts: readonly string[], options: { readonly parseSpecialTokens: boolean }): Promise<readonly string[]>
  /** The conversation in the model's chat template, generation prompt included. Throws `chat_template_failed`. */
  encodeChat(messages: readonly ChatMessage[]): Promise<EncodedChat>
  close(): Promise<void>
}

export interface ChatMessage {
  readonly role: string
  readonly content: string
}

/**
 * A rendered conversation, cut after its last control token: what comes before is fixed as ids, the rest is text that
 * may share a token with the output that follows.
 */
export interface EncodedChat {
  readonly headIds: Int32Array
  /** Plain text after the head, often the generation prompt; may be empty. */
  readonly tail: string
}

export interface TokenizerFacts {
  /** One more than the largest id. */
  readonly vocabSize: number
  /** Begin-of-sequence and end-of-sequence tokens as the tokenizer declares them. */
  readonly beginId: number | null
  readonly endId: number | null
  /** Control tokens: their ids and how they are spelled. */
  readonly specials: ReadonlyMap<number, string>
  /** No token stands for more bytes: a text of n bytes has at least n / this many tokens. */
  readonly maxTokenBytes: number
  /** Whether the tokenizer changes text before it cuts it (lower case, Unicode normal forms). */
  readonly hasNormalizer: boolean
  /** Whether the first token of a text may begin with a space that the text has not, and that decoding takes away. */
  readonly dropsLeadingSpace: boolean
  readonly hasChatTemplate: boolean
}
