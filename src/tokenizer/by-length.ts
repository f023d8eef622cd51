import type { TextTokenizer, TokenizedText, TokenizeInput } from './text-tokenizer.ts'

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
