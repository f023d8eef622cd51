/** What the rest of the code knows of a tokenizer. It has no offsets: positions in the text come from token bytes. */
export interface Tokenizer {
  readonly info: TokenizerInfo
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
  /**
   * The conversation as a training run sees it: no generation prompt at its end, and where each content lies.
   * `generatedRoles`: the roles whose messages the model is to write. Throws `chat_template_failed`, `boundary_not_exact`.
   */
  encodeConversation(messages: readonly ChatMessage[], generatedRoles: readonly string[]): Promise<EncodedConversation>
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

/** A conversation rendered to its end, as tokens with their places in the rendering. */
export interface EncodedConversation {
  /** The rendering; positions below are bytes of its UTF-8. */
  readonly text: string
  readonly ids: Int32Array
  /** First byte of each token, then the length of the text: (n + 1,) */
  readonly starts: Int32Array
  /** Of each message; null where it is empty. */
  readonly contents: readonly (ContentBytes | null)[]
}

export interface ContentBytes {
  readonly start: number
  readonly end: number
  /**
   * Where the generation prompt ends that the messages before give. Null when that prompt is not the beginning of the
   * whole rendering, and for roles that were not asked for.
   */
  readonly promptEnd: number | null
}

export interface TokenizerInfo {
  /** One more than the largest id. */
  readonly vocabSize: number
  /** Begin-of-sequence and end-of-sequence tokens as the tokenizer declares them. */
  readonly beginId: number | null
  readonly endId: number | null
  /** Control tokens: their ids and how they are spelled. */
  readonly specials: ReadonlyMap<number, string>
  /** What the tokenizer's own post-processor puts around a text; `encode` adds none of it. */
  readonly added: { readonly before: readonly number[]; readonly after: readonly number[] }
  /** No token stands for more bytes: a text of n bytes has at least n / this many tokens. */
  readonly maxTokenBytes: number
  /** Whether the tokenizer changes text before it cuts it (lower case, Unicode normal forms). */
  readonly hasNormalizer: boolean
  /** Whether the first token of a text may begin with a space that the text has not, and that decoding takes away. */
  readonly dropsLeadingSpace: boolean
  readonly hasChatTemplate: boolean
}

/**
 * A model's tokenizer as clients of the tokenizer itself know it: what the Hugging Face library makes of a text, and the
 * text that it makes of ids. Nothing here waits for the engine or for texts that are to be scored.
 */
export interface TextTokenizer {
  readonly description: TokenizerDescription
  /**
   * Control tokens that a text spells become their ids. `wantsPieces`: whether the vocabulary's spelling of each token is
   * wanted. Throws `chat_template_failed`.
   */
  tokenize(input: TokenizeInput, wantsPieces: boolean): Promise<TokenizedText>
  /** Control tokens are spelled out. Throws `token_out_of_range` for an id that stands for no token. */
  detokenize(ids: readonly number[]): Promise<string>
  close(): Promise<void>
}

/**
 * A text, with what the tokenizer's post-processor adds (such as BOS, but never a second one) or without; or a
 * conversation in the model's chat template, whose control tokens are those that the template writes.
 */
export type TokenizeInput =
  | { readonly text: string; readonly addSpecialTokens: boolean }
  | { readonly messages: readonly ChatMessage[]; readonly addGenerationPrompt: boolean }

export interface TokenizedText {
  /** (n,) */
  readonly ids: Int32Array
  /** (n,), as the vocabulary spells them (`Ġcapital`); null when not asked for. */
  readonly pieces: readonly string[] | null
}

/** What tokenizer_config.json and tokenizer.json say of a tokenizer; tokens are spelled, null where there is none. */
export interface TokenizerDescription {
  readonly tokenizerClass: string
  readonly beginToken: string | null
  readonly endToken: string | null
  readonly padToken: string | null
  readonly unknownToken: string | null
  readonly separatorToken: string | null
  readonly classToken: string | null
  readonly maskToken: string | null
  readonly additionalSpecialTokens: readonly string[]
  /** One more than the largest id. */
  readonly vocabSize: number
  /** Most tokens of a text as tokenizer_config.json states it; null where it states none. */
  readonly modelMaxLength: number | null
  readonly addedTokens: readonly { readonly id: number; readonly content: string; readonly special: boolean }[]
  /** The template that conversations are rendered in; null when the model has none. */
  readonly chatTemplate: string | null
}
