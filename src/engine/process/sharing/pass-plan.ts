import type { Batch, ScoringSequence } from '../../engine.ts'
import { commonLength, compareIds, packedRowSize } from '../../packed-row.ts'

/**
 * Groups sequences into packed rows of at most `longestRow` columns by halving the list until each half fits. Each
 * sequence is alone when `longestRow` is 0. Every index is in exactly one group.
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

/**
 * For each sequence, how many leading tokens it has in common with some other one: in sorted order with a neighbour.
 */
export function lengthsSharedWithAnother(fed: readonly Int32Array[]): number[] {
  const order = fed.map((_, i) => i).sort((a, b) => compareIds(fed[a]!, fed[b]!))
  const lengths = new Array<number>(fed.length).fill(0)
  order.slice(1).forEach((index, i) => {
    const before = order[i]!
    const shared = commonLength(fed[before]!, fed[index]!)
    lengths[before] = Math.max(lengths[before]!, shared)
    lengths[index] = shared
  })
  return lengths
}

/** What the cache has of the tokens that all sequences of a pass begin with. */
interface CachedTokens {
  /** Tokens with cached keys and values. */
  readonly length: number
  /** The first token from `first` on without cached scores; `length` when all have them. */
  firstUnscored(first: number): number
}

/** The longest common prefix of the fed tokens; for a single sequence all that it feeds. */
export function commonTokens(sequences: readonly ScoringSequence[]): Int32Array {
  return sequences.map(({ ids }) => ids.subarray(0, -1)).reduce((common, fed) => common.subarray(0, commonLength(common, fed)))
}

/**
 * P: how many cached tokens a pass can skip. Row i predicts token i + 1, so a scored token has to have cached scores,
 * or the token before it has to be fed. Therefore the token before the first missing score is fed again, and each
 * sequence feeds at least one token.
 */
export function usableLength({ sequences, topCount }: Pick<Batch, 'sequences' | 'topCount'>, cached: CachedTokens): number {
  const firstScored = Math.min(...sequences.map((sequence) => sequence.firstScored))
  // The cache has no details, and the cached score of a token is not that of a label in its place.
  const usesCachedScores = topCount === null && sequences.every(({ targets }) => targets === undefined)
  const most = Math.min(cached.length, ...sequences.map(({ ids }) => ids.length - 2))
  if (firstScored > most) return Math.max(0, most)
  if (!usesCachedScores) return firstScored - 1
  return Math.max(0, Math.min(most, cached.length - 1, cached.firstUnscored(firstScored) - 1))
}

/** A leading part of a long text, computed for the keys and values from which the next pass continues. */
interface TextChunk {
  /** The text up to this chunk and the token after it: every pass has to score at least one token. */
  readonly sequence: ScoringSequence
  /** Whether the text needs the rows of this chunk. */
  readonly isWanted: boolean
}

/**
 * The passes before the last one over a text after `pastLength` known tokens, none wider than `widestPass` allows. The
 * memory of unfused attention grows with S (P + S) for S columns after P tokens.
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
