/** An added token as far as the normalizer has to know it. */
interface AddedToken {
  readonly content: string
  readonly normalized?: boolean
}

/**
 * The text as the tokenizer's normalizer leaves it, before it is cut into tokens. Added tokens are looked for first and
 * stay as they are, and each stretch between them is normalized by itself.
 */
export function normalizedText(text: string, addedTokens: readonly AddedToken[], normalize: (stretch: string) => string): string {
  const untouched = addedTokens.filter(({ content, normalized }) => content !== '' && normalized !== true).map(({ content }) => content)
  if (untouched.length === 0) return text === '' ? '' : normalize(text)
  const pattern = untouched
    .sort((a, b) => b.length - a.length)
    .map((content) => content.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('|')
  return text
    .split(new RegExp(`(${pattern})`))
    .map((stretch, i) => (i % 2 === 1 || stretch === '' ? stretch : normalize(stretch)))
    .join('')
}
