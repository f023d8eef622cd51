import type { ChatMessage } from './tokenizer.ts'

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
