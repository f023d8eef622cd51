import type { JsonObject, JsonValue } from '../jinja/template.ts'
import type { TransformersNote } from './transformers-differences.ts'

export type { JsonObject, JsonValue } from '../jinja/template.ts'

/** Who waits for a text to be tokenized, and until when. The `WorkTerms` of the scheduler have these. */
export interface TokenizingTerms {
  /** Aborts when the caller no longer waits; the call then rejects with its reason. */
  readonly signal?: AbortSignal
  /** Clients take fair turns. Calls without a client count as one client. */
  readonly client?: string
}

export interface ChatTerms extends TokenizingTerms {
  /** A rendering that must have more tokens fails with `context_length_exceeded` before it is tokenized. */
  readonly maxTokens?: number
}

export interface EncodeOptions extends TokenizingTerms {
  readonly parseSpecialTokens: boolean
  /** Whether the texts stand behind other tokens; see `TokenizerInfo.prefixesFirstTextOnly`. False if absent. */
  readonly continues?: boolean
}

/** The tokenizer interface for scoring. It returns no offsets; `encoding/` computes them from token bytes. */
export interface Tokenizer {
  readonly info: TokenizerInfo
  /** The bytes of text that a token represents; empty for control tokens and for ids without a token. */
  bytesOf(id: number): Uint8Array
  /**
   * Token ids of each text, without the tokens that the post-processor adds. Control tokens spelled in a text are
   * ordinary text unless `parseSpecialTokens` is set. Asynchronous because a megabyte takes seconds.
   */
  encode(texts: readonly string[], options: EncodeOptions): Promise<Int32Array[]>
  /**
   * Each text after the tokenizer's normalizer, which is the text that the tokens spell. Without a normalizer, the text
   * itself. Treats control tokens as `encode` does.
   */
  normalize(texts: readonly string[], options: EncodeOptions): Promise<readonly string[]>
  /** Renders a conversation with the chat template, as x. Throws `chat_template_failed`. */
  encodeChat(conversation: Conversation, terms?: ChatTerms): Promise<EncodedChat>
  /**
   * Renders a conversation and locates what each message holds, or what the model writes. `generatedRoles` are the
   * roles that the model writes. Throws `chat_template_failed`, `boundary_not_exact`.
   */
  encodeConversation(conversation: Conversation, generatedRoles: readonly string[], terms?: ChatTerms): Promise<EncodedConversation>
  /** Renders a conversation and locates its last message. Throws `chat_template_failed`. */
  encodeAnswer(conversation: Conversation, terms?: ChatTerms): Promise<EncodedAnswer>
  close(): Promise<void>
}

/** A message, with any fields that chat templates read: `reasoning_content`, `tool_calls` and others. */
export interface ChatMessage {
  readonly role: string
  readonly content?: ChatContent
  readonly [field: string]: JsonValue | undefined
}

type ChatContent = string | null | readonly TextPart[]

interface TextPart {
  readonly type: 'text'
  readonly text: string
  readonly [field: string]: JsonValue | undefined
}

/** The arguments of transformers' `apply_chat_template`. */
export interface Conversation {
  readonly messages: readonly ChatMessage[]
  readonly addGenerationPrompt: boolean
  /** The field of the last message at whose end the rendering stops; null renders the message to its end. */
  readonly continuedField: string | null
  readonly tools: readonly JsonObject[] | null
  readonly documents: readonly JsonObject[] | null
  /** Further variables of the template, such as `enable_thinking`. */
  readonly variables: JsonObject
}

/** Something that a client sent without effect on the rendering. */
export interface ChatWarning {
  readonly code: 'field_ignored' | 'field_not_rendered' | 'parts_not_read'
  readonly message: string
}

/**
 * A rendered conversation, split after its last control token. Only the tail can share a token with the output after
 * it.
 */
export interface EncodedChat {
  readonly headIds: Int32Array
  /** Text after the head, often the generation prompt; may be empty. */
  readonly tail: string
  readonly warnings: readonly ChatWarning[]
}

/** A rendered conversation whose last message is an answer to score. */
export interface EncodedAnswer {
  readonly ids: Int32Array
  /** Indices of the tokens that contain text of the last message, the last one exclusive; null if there are none. */
  readonly answer: { readonly start: number; readonly end: number } | null
  readonly warnings: readonly ChatWarning[]
}

/** A rendered conversation as tokens with their positions. */
export interface EncodedConversation {
  /** The rendered text. All positions below count its UTF-8 bytes. */
  readonly text: string
  readonly ids: Int32Array
  /** First byte of each token, then the length of the text: (n + 1,). */
  readonly starts: Int32Array
  /** One per message; null for an empty message. */
  readonly contents: readonly (ContentBytes | null)[]
  /** What `{% generation %}` blocks wrote, in order; null if the template has none, or none whose place is known. */
  readonly generations: readonly { readonly start: number; readonly end: number }[] | null
  readonly warnings: readonly ChatWarning[]
}

export interface ContentBytes {
  /** Of the text; for a generated role also of what the template writes between its generation prompt and the text. */
  readonly start: number
  readonly end: number
  /**
   * End of the generation prompt that the messages before this one render to. Null if the conversation does not begin
   * with that prompt, and for roles that are not in `generatedRoles`.
   */
  readonly promptEnd: number | null
}

export interface TokenizerInfo {
  /** Largest id + 1. */
  readonly vocabSize: number
  /** Largest id + 1 without the added tokens: the ids that ordinary text can have. */
  readonly baseVocabSize: number
  /** BOS that the tokenizer declares, and EOS of the model. */
  readonly beginId: number | null
  readonly endId: number | null
  /** Where the id of EOS comes from, for people, if tokenizer_config.json names another; else null. */
  readonly endIdNote: string | null
  /** Where transformers gives other ids than tokenizer.json. */
  readonly transformersNotes: readonly TransformersNote[]
  /** Spelling of each control token, by id. */
  readonly specials: ReadonlyMap<number, string>
  /** Ids that the tokenizer's post-processor adds around a text. `encode` does not add them. */
  readonly added: { readonly before: readonly number[]; readonly after: readonly number[] }
  /** Most bytes of a token. A text of n bytes therefore has at least n / maxTokenBytes tokens. */
  readonly maxTokenBytes: number
  /** Whether a normalizer changes text before tokenization (lower case, Unicode normal forms). */
  readonly hasNormalizer: boolean
  /** Whether the tokenizer may add a space at the start of a text, which decoding removes. */
  readonly dropsLeadingSpace: boolean
  /** Whether that space is added at the start of a text only, and not behind a control token, as in Mistral. */
  readonly prefixesFirstTextOnly: boolean
  /** Why conversations cannot be rendered, for people; null if they can. */
  readonly chatTemplateFault: string | null
}

/**
 * The tokenizer interface for POST /tokenize and /detokenize: the same ids and texts as the Hugging Face library. It
 * never waits for the engine or for texts that are being scored.
 */
export interface TextTokenizer {
  readonly description: TokenizerDescription
  /** Control tokens spelled in a text become their ids. Throws `chat_template_failed`. */
  tokenize(input: TokenizeInput, wantsSpellings: boolean, terms?: TokenizingTerms): Promise<TokenizedText>
  /** Control tokens are spelled out. Throws `token_out_of_range` for an id without a token. */
  detokenize(ids: readonly number[], terms?: TokenizingTerms): Promise<string>
  close(): Promise<void>
}

/**
 * A text or a conversation. `addSpecialTokens` adds the ids of the post-processor, such as BOS, but no second BOS. In a
 * conversation only the control tokens that the chat template writes become ids.
 */
export type TokenizeInput = { readonly text: string; readonly addSpecialTokens: boolean } | { readonly conversation: Conversation }

export interface TokenizedText {
  /** (n,). */
  readonly ids: Int32Array
  readonly warnings: readonly ChatWarning[]
  /**
   * How the vocabulary spells each token, as in `Ġcapital`: a JSON list of n texts in UTF-8. A list of objects would be
   * copied between threads in one stretch, a second for a million tokens. Null if not requested.
   */
  readonly spellingsJson: Uint8Array | null
}

/**
 * The contents of tokenizer_config.json and tokenizer.json. Tokens are given by their spelling, null if there is
 * none.
 */
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
  /** Largest id + 1. */
  readonly vocabSize: number
  /** Largest number of tokens according to tokenizer_config.json; null if it states none. */
  readonly modelMaxLength: number | null
  readonly addedTokens: readonly { readonly id: number; readonly content: string; readonly special: boolean }[]
  /** The default chat template; null if the model has none. */
  readonly chatTemplate: string | null
  /** Where transformers gives other ids than tokenizer.json. */
  readonly transformersNotes: readonly TransformersNote[]
}
