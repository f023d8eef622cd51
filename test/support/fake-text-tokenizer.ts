import type { TextTokenizer, TokenizedText, TokenizeInput, TokenizerDescription } from '../../src/tokenizer/text-tokenizer.ts'

/** A tokenizer whose tokens are UTF-16 units. */
export class FakeTextTokenizer implements TextTokenizer {
  readonly description = { tokenizerClass: 'FakeTokenizer' } as TokenizerDescription

  async tokenize(input: TokenizeInput): Promise<TokenizedText> {
    const text = 'text' in input ? input.text : input.messages.map(({ content }) => content).join('')
    return { ids: Int32Array.from(text, (unit) => unit.charCodeAt(0)), pieces: null }
  }

  async detokenize(ids: readonly number[]): Promise<string> {
    return String.fromCharCode(...ids)
  }

  async close(): Promise<void> {}
}
