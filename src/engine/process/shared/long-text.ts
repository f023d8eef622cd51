import type { ScoringSequence } from '../../engine.ts'

/** A leading part of a text, computed for the keys and values that the rest goes on from. */
export interface TextPiece {
  /** The text up to this piece and the token behind it: every pass scores something. */
  readonly sequence: ScoringSequence
  /** Whether the piece's rows belong to the text's. */
  readonly isWanted: boolean
}

/**
 * The passes that come before the last one of a text behind `pastLength` known tokens, none of them wider than `widestPass`
 * allows: attention scores of S columns behind P tokens take memory with S (P + S).
 */
export function* longTextPieces(text: ScoringSequence, pastLength: number, widestPass: (pastLength: number) => number): Generator<TextPiece> {
  const { ids, firstScored, targets } = text
  let start = pastLength
  while (ids.length - 1 - start > widestPass(start)) {
    const end = start + widestPass(start)
    const isWanted = firstScored <= end
    yield {
      isWanted,
      sequence: {
        ids: ids.subarray(0, end + 1),
        firstScored: Math.min(firstScored, end),
        ...(targets !== undefined && isWanted ? { targets: targets.subarray(0, end + 1 - firstScored) } : {})
      }
    }
    start = end
  }
}
