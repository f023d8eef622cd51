/** A pre-tokenizer of transformers.js as far as it matters here: most cut with a pattern, a Sequence holds others. */
interface PreTokenizerParts {
  pattern?: unknown
  readonly tokenizers?: readonly (PreTokenizerParts | null)[]
}

/**
 * Makes `\s` in the patterns of a pre-tokenizer mean Unicode's White_Space, as in the tokenizers library that models are
 * trained with. In JavaScript `\s` has the byte order mark U+FEFF too, and lacks U+0085: texts with those would be cut elsewhere.
 */
export function useUnicodeWhiteSpace(preTokenizer: PreTokenizerParts | null): void {
  if (preTokenizer === null) return
  const { pattern } = preTokenizer
  if (pattern instanceof RegExp && /[uv]/.test(pattern.flags)) preTokenizer.pattern = new RegExp(withUnicodeWhiteSpace(pattern.source), pattern.flags)
  for (const inner of preTokenizer.tokenizers ?? []) useUnicodeWhiteSpace(inner)
}

function withUnicodeWhiteSpace(source: string): string {
  const meaning: Readonly<Record<string, string>> = { '\\s': '\\p{White_Space}', '\\S': '\\P{White_Space}' }
  return source.replaceAll(/\\./gs, (escaped) => meaning[escaped] ?? escaped)
}
