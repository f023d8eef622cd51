import type { Comparison } from '../scoring/checks/input-checks.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import type { SplitIds } from './boundary.ts'
import type { ItemInput } from './item-input.ts'
import type { TextIds } from './text-ids.ts'
import { bytesOfIds, sameBytes } from './token-text.ts'

const SPACE = 0x20
const EXACT: Comparison = { match: 'exact' }
const UNKNOWN: Comparison = { match: 'unknown' }

/** What the tokens of x or of y spell, and the text that they were made of. */
export interface SpelledPart {
  /** Bytes of the tokens that were left out in front, and of those that are scored. */
  readonly dropped: Uint8Array
  readonly scored: Uint8Array
  /** The text as it was sent and as the normalizer left it; null for ids and conversations. */
  readonly text: { readonly sent: string; readonly normalized: string } | null
  /** Whether control tokens were parsed out of the text, so that they stand for their spelling there. */
  readonly spellsControls: boolean
  /** Whether the tokenizer may have put a space in front, as SentencePiece does at the start of a text. */
  readonly mayAddSpace: boolean
}

/** How the tokens of a part lie in its text. */
export interface PartText {
  /** Whether the tokens spell the text as the normalizer left it. */
  readonly spelling: Comparison
  /** Whether the normalizer left the text as it was sent. */
  readonly normalization: Comparison
  /** The text that offsets count in: as it was sent, or what the ids spell; null when the tokens do not spell what was sent. */
  readonly bytes: Uint8Array | null
  /** Byte of the text at which the first scored token begins: after what was left out; -1 for a space that the tokenizer put there. */
  readonly start: number
  readonly spellsControls: boolean
}

/** Compares what the tokens of a part spell with its text. */
export function partText({ dropped, scored, text, spellsControls, mayAddSpace }: SpelledPart): PartText {
  const whole = Buffer.concat([dropped, scored])
  if (text === null) return { spelling: UNKNOWN, normalization: UNKNOWN, bytes: whole, start: dropped.length, spellsControls }
  const sent = Buffer.from(text.sent)
  const normalized = Buffer.from(text.normalized)
  const isSpelled = compared(whole, sent, mayAddSpace).match === 'exact'
  return {
    spelling: compared(whole, normalized, mayAddSpace),
    normalization: compared(normalized, sent, mayAddSpace),
    bytes: isSpelled ? sent : null,
    start: dropped.length - (sameBytes(whole, sent) ? 0 : 1),
    spellsControls
  }
}

/** Whether x and y taken together are spelled although the parts are not: then a token is counted in the wrong part. */
export function isMisplaced({ x, y }: Readonly<Record<'x' | 'y', SpelledPart>>, found: Readonly<Record<'x' | 'y', PartText>>): boolean {
  if (x.text === null || y.text === null || (found.x.spelling.match === 'exact' && found.y.spelling.match === 'exact')) return false
  const spelled = Buffer.concat([x.dropped, x.scored, y.dropped, y.scored])
  const together = Buffer.from(x.text.normalized + y.text.normalized)
  return compared(spelled, together, x.mayAddSpace).match === 'exact'
}

/** Where `found` first differs from `wanted`, a space in front of it aside where the tokenizer may have put one. */
function compared(found: Uint8Array, wanted: Uint8Array, mayAddSpace: boolean): Comparison {
  if (sameBytes(found, wanted)) return EXACT
  const bare = mayAddSpace && found[0] === SPACE ? found.subarray(1) : found
  if (sameBytes(bare, wanted)) return EXACT
  const at = wanted.findIndex((byte, i) => bare[i] !== byte)
  return { match: 'different', atByte: at === -1 ? wanted.length : at }
}

/** The ids of a part as they stand in the sequence, and those of x that were left out in front. */
export interface PartIds {
  readonly dropped: Int32Array
  readonly x: Int32Array
  readonly y: Int32Array
}

/** What the ids of x and of y spell beside the texts that they were made of, to be compared. */
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

  /** Tokens of x+y spell what the normalizer made of both together, which need not be what it makes of each. */
  function normalizedY(text: string): string {
    if (boundary.policy === 'tokens' || boundary.merged) return textIds.normalized(text)
    return textIds.normalized(xText + text).slice(textIds.normalized(xText).length)
  }
}
