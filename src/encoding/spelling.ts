import type { Comparison } from '../scoring/checks/input-checks.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import type { SplitIds } from './boundary.ts'
import type { ItemInput } from './item-input.ts'
import type { TextIds } from './text-ids.ts'
import { bytesOfIds, sameBytes } from './token-text.ts'

/** The bytes that the tokens of x or of y spell, and the text that they were made from. */
export interface SpelledPart {
  /** Bytes of the tokens that truncation dropped from the front. */
  readonly dropped: Uint8Array
  /** Bytes of the tokens in the scored sequence. */
  readonly scored: Uint8Array
  /** The text before and after the normalizer; null for token ids and conversations. */
  readonly text: { readonly sent: string; readonly normalized: string } | null
  /** Whether control tokens were parsed in the text, so that they stand for their spelling. */
  readonly spellsControls: boolean
  /** Whether the tokenizer may have added a leading space, as SentencePiece does at the start of a text. */
  readonly mayAddSpace: boolean
}

/** How the tokens of a part relate to its text. */
export interface PartText {
  /** Compares the bytes of the tokens with the normalized text. */
  readonly spelling: Comparison
  /** Compares the normalized text with the text that was sent. */
  readonly normalization: Comparison
  /**
   * The text that offsets count in: the text that was sent, or the bytes of ids; null when the tokens do not spell the
   * text.
   */
  readonly bytes: Uint8Array | null
  /**
   * Byte of the text at which the first scored token starts: after the dropped tokens; -1 with an added leading space.
   */
  readonly start: number
  readonly spellsControls: boolean
}

/** Ids of a part in the scored sequence, and the ids of x that truncation dropped. */
export interface PartIds {
  readonly dropped: Int32Array
  readonly x: Int32Array
  readonly y: Int32Array
}

const SPACE = 0x20
const EXACT: Comparison = { match: 'exact' }
const UNKNOWN: Comparison = { match: 'unknown' }

/** The spelling of x and of y, beside the texts that they were made from. */
export function spelledParts(
  { item, headIds, xText, y }: ItemInput,
  { boundary }: SplitIds,
  ids: PartIds,
  textIds: TextIds,
  { tokenizer, parseSpecialTokens }: { readonly tokenizer: Tokenizer; readonly parseSpecialTokens: boolean }
): { readonly x: SpelledPart; readonly y: SpelledPart } {
  const xIsText = typeof item.x === 'string'
  const spellsControls = { x: parseSpecialTokens && xIsText, y: parseSpecialTokens && typeof y === 'string' }
  const isFirstText = headIds.length === 0
  return {
    x: {
      dropped: bytesOfIds(tokenizer, ids.dropped, spellsControls.x),
      scored: bytesOfIds(tokenizer, ids.x, spellsControls.x),
      text: xIsText ? { sent: xText, normalized: textIds.normalized(xText) } : null,
      spellsControls: spellsControls.x,
      mayAddSpace: tokenizer.info.dropsLeadingSpace && isFirstText
    },
    y: {
      dropped: new Uint8Array(0),
      scored: bytesOfIds(tokenizer, ids.y, spellsControls.y),
      text: typeof y === 'string' ? { sent: y, normalized: normalizedY(y) } : null,
      spellsControls: spellsControls.y,
      mayAddSpace: tokenizer.info.dropsLeadingSpace && isFirstText && xText === ''
    }
  }

  /** Tokens of x+y spell the normalized form of both together, which may differ from that of each by itself. */
  function normalizedY(text: string): string {
    if (boundary.policy === 'tokens' || boundary.merged) return textIds.normalized(text)
    return textIds.normalized(xText + text).slice(textIds.normalized(xText).length)
  }
}

/** Compares the tokens of a part with its text. */
export function partText({ dropped, scored, text, spellsControls, mayAddSpace }: SpelledPart): PartText {
  const whole = Buffer.concat([dropped, scored])
  if (text === null) return { spelling: UNKNOWN, normalization: UNKNOWN, bytes: whole, start: dropped.length, spellsControls }
  const sent = Buffer.from(text.sent)
  const normalized = Buffer.from(text.normalized)
  const isSpelled = compareBytes(whole, sent, mayAddSpace).match === 'exact'
  return {
    spelling: compareBytes(whole, normalized, mayAddSpace),
    normalization: compareBytes(normalized, sent, mayAddSpace),
    bytes: isSpelled ? sent : null,
    start: dropped.length - (sameBytes(whole, sent) ? 0 : 1),
    spellsControls
  }
}

/** Whether x and y together spell x+y although one of them alone does not: a token was counted in the wrong part. */
export function isMisplaced({ x, y }: Readonly<Record<'x' | 'y', SpelledPart>>, compared: Readonly<Record<'x' | 'y', PartText>>): boolean {
  if (x.text === null || y.text === null || (compared.x.spelling.match === 'exact' && compared.y.spelling.match === 'exact')) return false
  const spelled = Buffer.concat([x.dropped, x.scored, y.dropped, y.scored])
  const together = Buffer.from(x.text.normalized + y.text.normalized)
  return compareBytes(spelled, together, x.mayAddSpace).match === 'exact'
}

/** The first byte at which `actual` differs from `expected`, ignoring one added leading space. */
function compareBytes(actual: Uint8Array, expected: Uint8Array, mayAddSpace: boolean): Comparison {
  if (sameBytes(actual, expected)) return EXACT
  const bare = mayAddSpace && actual[0] === SPACE ? actual.subarray(1) : actual
  if (sameBytes(bare, expected)) return EXACT
  const at = expected.findIndex((byte, i) => bare[i] !== byte)
  return { match: 'different', atByte: at === -1 ? expected.length : at }
}
