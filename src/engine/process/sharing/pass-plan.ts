import type { Batch, ScoringSequence } from '../../engine.ts'
import { commonLength, packedRowSize } from '../../packed-row.ts'

/**
 * Which sequences stand in one row: those of neighbouring prefixes together, as many as fit into `longestRow` columns; each
 * alone where that is 0. Every index is in exactly one group.
 */
export function rowGroups(fed: readonly Int32Array[], longestRow: number): readonly (readonly number[])[] {
  const all = fed.map((_, i) => i)
  if (longestRow === 0) return all.map((index) => [index])
  return split(all)

  function split(indices: readonly number[]): readonly (readonly number[])[] {
    if (indices.length <= 1 || packedRowSize(indices.map((index) => fed[index]!)) <= longestRow) return [indices]
    const middle = indices.length >> 1
    return [...split(indices.slice(0, middle)), ...split(indices.slice(middle))]
  }
}

/** What is known of the tokens that all sequences of a pass begin with. */
interface KnownTokens {
  /** Tokens whose keys and values are kept. */
  readonly length: number
  /** The first token from `first` on whose numbers are not kept; `length` when all are. */
  firstUnknownRow(first: number): number
}

/** The tokens that all sequences feed first: of one sequence all that it feeds. */
export function commonTokens(sequences: readonly ScoringSequence[]): Int32Array {
  return sequences.map(({ ids }) => ids.subarray(0, -1)).reduce((common, fed) => common.subarray(0, commonLength(common, fed)))
}

/**
 * P: how many known tokens a pass can leave out. Each sequence still feeds a token. The row behind token i predicts token
 * i + 1, so a token of the prefix is left out only where the number behind it is known or not asked for: then the first token
 * behind the prefix has its predictor too, which is the last token of the prefix, fed again.
 */
export function usableLength({ sequences, topCount }: Pick<Batch, 'sequences' | 'topCount'>, known: KnownTokens): number {
  const firstScored = Math.min(...sequences.map((sequence) => sequence.firstScored))
  // Details are not kept, and the number kept for a token is not that of a label in its place.
  const isKept = topCount === null && sequences.every(({ targets }) => targets === undefined)
  const most = Math.min(known.length, ...sequences.map(({ ids }) => ids.length - 2))
  if (firstScored > most) return Math.max(0, most)
  if (!isKept) return firstScored - 1
  return Math.max(0, Math.min(most, known.length - 1, known.firstUnknownRow(firstScored) - 1))
}

/** A leading part of a text, computed for the keys and values that the rest goes on from. */
interface TextChunk {
  /** The text up to this piece and the token behind it: every pass scores something. */
  readonly sequence: ScoringSequence
  /** Whether the piece's rows belong to the text's. */
  readonly isWanted: boolean
}

/**
 * The passes that come before the last one of a text behind `pastLength` known tokens, none of them wider than `widestPass`
 * allows: attention scores of S columns behind P tokens take memory with S (P + S).
 */
export function* longTextChunks(text: ScoringSequence, pastLength: number, widestPass: (pastLength: number) => number): Generator<TextChunk> {
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
