import type { TextTokenizer, TokenizedText, TokenizeInput, TokenizerDescription } from '../../src/tokenizer/tokenizer.ts'
import { contentOf } from './fake-tokenizer.ts'

/** A tokenizer with one token per UTF-16 unit, for units below U+0100. It records its calls. */
export class FakeTextTokenizer implements TextTokenizer {
  readonly description: TokenizerDescription = {
    tokenizerClass: 'FakeTokenizer',
    beginToken: '<s>',
    endToken: '</s>',
    padToken: null,
    unknownToken: null,
    separatorToken: null,
    classToken: null,
    maskToken: null,
    additionalSpecialTokens: [],
    vocabSize: 256,
    modelMaxLength: null,
    addedTokens: [{ id: 0, content: '<s>', special: true }],
    chatTemplate: null,
    transformersNotes: []
  }
  readonly calls: (TokenizeInput | readonly number[])[] = []

  async tokenize(input: TokenizeInput, wantsSpellings: boolean): Promise<TokenizedText> {
    this.calls.push(input)
    const text = 'text' in input ? input.text : input.conversation.messages.map(contentOf).join('')
    return {
      ids: Int32Array.from(text, (unit) => unit.charCodeAt(0)),
      warnings: [],
      spellingsJson: wantsSpellings ? Buffer.from(JSON.stringify([...text])) : null
    }
  }

  async detokenize(ids: readonly number[]): Promise<string> {
    this.calls.push(ids)
    return String.fromCharCode(...ids)
  }

  async close(): Promise<void> {}
}
