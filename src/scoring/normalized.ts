/** log Pr(y | x) measured by the length of y, so that outputs of different length can be compared. EOS is left out. */
export interface Normalized {
  /** Nats a token, a code point, a UTF-8 byte: log Pr(y | x) divided by how many y has. */
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

/** Null without tokens; the values per character and byte are null for tokens that spell no text. */
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
