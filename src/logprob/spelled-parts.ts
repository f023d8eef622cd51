import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import type { SplitIds } from './boundary.ts'
import type { Draft } from './draft.ts'
import type { SpelledPart } from './part-text.ts'
import type { TextIds } from './text-ids.ts'
import { bytesOfIds } from './text-length.ts'

/** The ids of a part as they stand in the sequence, and those of x that were left out in front. */
export interface PartIds {
  readonly dropped: Int32Array
  readonly x: Int32Array
  readonly y: Int32Array
}

/** What the ids of x and of y spell beside the texts that they were made of, to be compared. */
export function spelledParts(
  { item, headIds, xText, y }: Draft,
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
      mayAddSpace: tokenizer.facts.dropsLeadingSpace && isFirstText
    },
    y: {
      dropped: new Uint8Array(0),
      scored: bytesOfIds(tokenizer, ids.y, spellsControls.y),
      text: typeof y === 'string' ? { sent: y, normalized: normalizedY(y) } : null,
      spellsControls: spellsControls.y,
      mayAddSpace: tokenizer.facts.dropsLeadingSpace && isFirstText && xText === ''
    }
  }

  /** Tokens of x+y spell what the normalizer made of both together, which need not be what it makes of each. */
  function normalizedY(text: string): string {
    if (boundary.policy === 'tokens' || boundary.merged) return textIds.normalized(text)
    return textIds.normalized(xText + text).slice(textIds.normalized(xText).length)
  }
}
