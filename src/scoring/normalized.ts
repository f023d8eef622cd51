/** log Pr(y | x) per unit of length, to compare outputs of different lengths. Excludes the end token. */
export interface Normalized {
  /** log Pr(y | x) divided by the tokens, code points and UTF-8 bytes of y, nats. */
  readonly per_token: number
  readonly per_char: number | null
  readonly per_byte: number | null
  /** -log2 Pr(y | x) / bytes */
  readonly bits_per_byte: number | null
  /** exp(-log Pr(y | x) / tokens) */
  readonly perplexity: number
}

export interface Lengths {
  readonly tokens: number
  /** Unicode code points. */
  readonly chars: number
  /** UTF-8 bytes. */
  readonly bytes: number
}

/** Null without tokens. Values per character and byte are null if the tokens spell no text. */
export function normalized(logProb: number, { tokens, chars, bytes }: Lengths): Normalized | null {
  if (tokens === 0) return null
  return {
    per_token: logProb / tokens,
    per_char: chars === 0 ? null : logProb / chars,
    per_byte: bytes === 0 ? null : logProb / bytes,
    bits_per_byte: bytes === 0 ? null : -logProb / bytes / Math.LN2,
    perplexity: Math.exp(-logProb / tokens)
  }
}
