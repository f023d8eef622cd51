import type { TextTokenizer, TokenizedText, TokenizeInput } from './text-tokenizer.ts'

/** A text of so many UTF-16 units takes a millisecond or two; more would keep the next one waiting. */
const SHORT_UNITS = 8192
/** Ids are turned into text faster than text into ids. */
const SHORT_IDS = 8192

/**
 * Short texts to `short`, long ones to `long`, so that a short one never waits for a long one. `short` is given nothing that
 * is scored either.
 */
export function tokenizerByLength(short: TextTokenizer, long: Pick<TextTokenizer, 'tokenize' | 'detokenize'>): TextTokenizer {
  return {
    description: short.description,
    tokenize: (input, wantsPieces): Promise<TokenizedText> => (unitsOf(input) <= SHORT_UNITS ? short : long).tokenize(input, wantsPieces),
    detokenize: (ids) => (ids.length <= SHORT_IDS ? short : long).detokenize(ids),
    close: () => short.close()
  }
}

function unitsOf(input: TokenizeInput): number {
  return 'text' in input ? input.text.length : input.messages.reduce((sum, { role, content }) => sum + role.length + content.length, 0)
}
