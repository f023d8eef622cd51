import { elementAt } from '../element-at.ts'
import { ServiceError } from '../errors.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import type { Boundary } from './encoded-item.ts'
import type { LogprobOptions } from './logprob-item.ts'
import { bytesOfId, bytesOfIds, displayText, sameBytes } from './token-text.ts'

/** Token ids of x, of x+y as one text and, where they are needed, of y by itself. */
export interface TokenizedTexts {
  /** x after the tokenizer's normalizer. */
  readonly xText: string
  readonly x: Int32Array
  readonly joint: Int32Array
  readonly y: Int32Array
}

export interface SplitIds {
  readonly x: Int32Array
  readonly y: Int32Array
  readonly boundary: Boundary
}

/**
 * Decides which ids are x and which are y. X is always an exact prefix of the scored sequence, so that
 * log Pr([x,y]) <= log Pr(x) holds.
 *
 * - `joint`: the tokens of x+y start with those of x, and the rest is y
 * - `split`: they do not, so x and y are tokenized separately, provided that the result still spells x+y
 *
 * Throws `boundary_merged` under `strict`, and `boundary_not_exact` when x and y cannot be tokenized separately.
 */
export function splitAtBoundary(
  texts: TokenizedTexts,
  { boundary: policy, parseSpecialTokens }: Pick<LogprobOptions, 'boundary' | 'parseSpecialTokens'>,
  tokenizer: Tokenizer
): SplitIds {
  if (startsWith(texts.joint, texts.x)) {
    return { x: texts.x, y: texts.joint.slice(texts.x.length), boundary: { policy: 'joint', merged: false } }
  }
  const straddling = straddlingToken(texts, tokenizer, parseSpecialTokens)
  if (policy === 'strict') {
    throw new ServiceError(
      'boundary_merged',
      `the tokenizer merges the end of x and the start of y into one token, id ${straddling.id}; end x at a word boundary, or use boundary auto`,
      { param: 'boundary' }
    )
  }
  const separate = Int32Array.from([...texts.x, ...texts.y])
  if (!sameBytes(bytesOfIds(tokenizer, separate, parseSpecialTokens), bytesOfIds(tokenizer, texts.joint, parseSpecialTokens))) {
    throw new ServiceError(
      'boundary_not_exact',
      'the end of x and the start of y share a token, and tokenized separately they spell a different text; end x at a word boundary'
    )
  }
  return { x: texts.x, y: texts.y, boundary: { policy: 'split', merged: true, straddling_token: straddling } }
}

/**
 * The token of x+y that contains the last byte of x and the first of y. Without one, the first token that x alone does
 * not have; without that, the last token.
 */
function straddlingToken({ xText, x, joint }: TokenizedTexts, tokenizer: Tokenizer, spellControls: boolean): NonNullable<Boundary['straddling_token']> {
  const xBytes = Buffer.byteLength(xText)
  const addsSpace = tokenizer.info.dropsLeadingSpace && !xText.startsWith(' ') && displayText(tokenizer.bytesOf(elementAt(joint, 0))).startsWith(' ')
  let end = addsSpace ? -1 : 0
  const across = joint.findIndex((id) => {
    const start = end
    end += bytesOfId(tokenizer, id, spellControls).length
    return start < xBytes && end > xBytes
  })
  const position = across === -1 ? joint.findIndex((id, i) => x[i] !== id) : across
  const id = elementAt(joint, position === -1 ? joint.length - 1 : position)
  const bytes = bytesOfId(tokenizer, id, spellControls)
  return { id, text: displayText(bytes), bytes: Buffer.from(bytes).toString('base64') }
}

export function startsWith(ids: Int32Array, prefix: Int32Array): boolean {
  return prefix.length <= ids.length && prefix.every((id, i) => ids[i] === id)
}

/** White space as Python's `str.rstrip` defines it, like lm-evaluation-harness; `trimEnd` differs in six characters. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: Python counts the separators U+001C to U+001F as white space.
const SPACE = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/

/** `move_space`: white space at the end of x belongs to y, as in lm-evaluation-harness. */
export function moveTrailingSpace(x: string, y: string): { readonly x: string; readonly y: string } {
  // A regular expression for all trailing space would take quadratic time on long runs of spaces.
  let end = x.length
  while (end > 0 && SPACE.test(x.charAt(end - 1))) end--
  return { x: x.slice(0, end), y: x.slice(end) + y }
}
