import type { RowScores } from '../engine/engine.ts'
import { type Part, partAt, type ScoredSequence } from '../scoring/scored-sequence.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import { displayText } from './text-length.ts'

/** One token as `detail: "tokens"` shows it. `text` is for reading; `bytes` (base64) is exact where a character spans tokens. */
export interface TokenDetail {
  readonly part: Part
  readonly id: number
  readonly text: string
  readonly bytes: string
  readonly log_prob: number | null
  readonly rank: number | null
  readonly entropy: number | null
  readonly top?: readonly TopToken[]
}

interface TopToken {
  readonly id: number
  readonly text: string
  readonly bytes: string
  readonly log_prob: number
}

/** Every token of the sequence, in order; numbers are null where none were computed. */
export function tokenDetails(sequence: ScoredSequence, rows: RowScores | null, scoredStart: number, topCount: number, tokenizer: Tokenizer): TokenDetail[] {
  const detail = rows?.detail ?? null
  return Array.from(sequence.ids, (id, position) => {
    const logProb = sequence.logProbs[position] ?? null
    const row = position - scoredStart
    const isScored = logProb !== null && detail !== null
    return {
      part: partAt(sequence.sizes, position),
      ...tokenText(id, tokenizer),
      log_prob: logProb,
      rank: isScored ? detail.ranks[row]! : null,
      entropy: isScored ? detail.entropies[row]! : null,
      ...(isScored && topCount > 0 ? { top: topTokens(row) } : {})
    }
  })

  function topTokens(row: number): TopToken[] {
    // The batch may have been asked for more by a neighbour.
    const width = detail?.topCount ?? 0
    return Array.from({ length: Math.min(topCount, width) }, (_, k) => ({
      ...tokenText(detail!.topIds[row * width + k]!, tokenizer),
      log_prob: detail!.topLogProbs[row * width + k]!
    }))
  }
}

/** A token for reading, control tokens as they are spelled; `bytes` is base64. */
export function tokenText(id: number, tokenizer: Tokenizer): { id: number; text: string; bytes: string } {
  const control = tokenizer.facts.specials.get(id)
  const bytes = control === undefined ? tokenizer.bytesOf(id) : Buffer.from(control)
  return { id, text: displayText(bytes), bytes: Buffer.from(bytes).toString('base64') }
}
