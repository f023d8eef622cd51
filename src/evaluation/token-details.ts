import { elementAt } from '../element-at.ts'
import type { EncodedItem } from '../encoding/encoded-item.ts'
import { NO_OFFSETS, type Offsets, offsetsOf } from '../encoding/offsets.ts'
import type { PartText } from '../encoding/spelling.ts'
import { bytesOfId, tokenText } from '../encoding/token-text.ts'
import type { RowDetail, RowScores } from '../engine/engine.ts'
import { type Part, partAt, rangeOf, type ScoredSequence } from '../scoring/scored-sequence.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'

/**
 * One token under `detail: "tokens"`. `text` is for display; `bytes` (base64) is exact even where a character spans
 * tokens.
 */
export interface TokenDetail extends Offsets {
  readonly part: Part
  readonly id: number
  readonly text: string
  readonly bytes: string
  readonly log_prob: number | null
  readonly rank: number | null
  readonly entropy: number | null
  readonly log_prob_std: number | null
  readonly top?: readonly TopToken[]
}

interface TopToken {
  readonly id: number
  readonly text: string
  readonly bytes: string
  readonly log_prob: number
}

/** Every token of the sequence, in order and built when it is read; scores are null where none were computed. */
export function tokenDetails(
  sequence: ScoredSequence,
  { text, scoredStart }: Pick<EncodedItem, 'text' | 'scoredStart'>,
  rows: RowScores | null,
  topCount: number,
  tokenizer: Tokenizer
): Iterable<TokenDetail> {
  const detail = rows?.detail ?? null
  return { [Symbol.iterator]: details }

  function* details(): Generator<TokenDetail> {
    const offsets = new Map((['x', 'y'] as const).flatMap((part) => partOffsets(sequence, part, text[part], tokenizer)))
    for (const [position, id] of sequence.ids.entries()) yield tokenDetail(id, position, offsets.get(position) ?? NO_OFFSETS)
  }

  function tokenDetail(id: number, position: number, offsets: Offsets): TokenDetail {
    const logProb = elementAt(sequence.logProbs, position)
    const row = position - scoredStart
    const isScored = logProb !== null && detail !== null
    return {
      part: partAt(sequence.sizes, position),
      ...tokenText(id, tokenizer),
      ...offsets,
      log_prob: logProb,
      rank: isScored ? elementAt(detail.ranks, row) : null,
      entropy: isScored ? elementAt(detail.entropies, row) : null,
      log_prob_std: isScored && detail.variances !== undefined ? Math.sqrt(elementAt(detail.variances, row)) : null,
      ...(isScored && topCount > 0 ? { top: topTokens(detail, row) } : {})
    }
  }

  function topTokens(detail: RowDetail, row: number): TopToken[] {
    // Another job of the batch may have asked for more top tokens.
    const { topCount: width, topIds, topLogProbs } = detail
    return Array.from({ length: Math.min(topCount, width) }, (_, k) => ({
      ...tokenText(elementAt(topIds, row * width + k), tokenizer),
      log_prob: elementAt(topLogProbs, row * width + k)
    }))
  }
}

/** Offsets of the tokens of x or of y in the text of that part, by position in the sequence. */
export function partOffsets({ ids, sizes }: ScoredSequence, part: 'x' | 'y', text: PartText, tokenizer: Tokenizer): [number, Offsets][] {
  const { start, end } = rangeOf(sizes, part)
  const lengths = Array.from(ids.subarray(start, end), (id) => bytesOfId(tokenizer, id, text.spellsControls).length)
  return offsetsOf(text, lengths).map((offsets, i) => [start + i, offsets])
}
