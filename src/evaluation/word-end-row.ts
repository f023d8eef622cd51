import type { EncodedItem } from '../encoding/encoded-item.ts'
import type { RowDetail, RowScores } from '../engine/engine.ts'

/**
 * The scored ids and one more, so that the last of them is fed: its row says whether the last word ends there. The id
 * of the additional token does not matter. Without room for it in the context, the last word has no corrected score.
 */
export function idsToTheNext({ ids, scoredEnd }: Pick<EncodedItem, 'ids' | 'scoredEnd'>, maxModelLen: number): Int32Array {
  if (scoredEnd < ids.length) return ids.slice(0, scoredEnd + 1)
  if (ids.length >= maxModelLen) return ids.slice()
  const longer = new Int32Array(ids.length + 1)
  longer.set(ids)
  return longer
}

/** The first `count` rows, which are all unless `idsToTheNext` added one. `wordStarts` keeps the row after them. */
export function withoutNextRow(rows: RowScores, count: number): RowScores {
  if (rows.logProbs.length !== count + 1) return rows
  const first = <T extends Float32Array | Int32Array>(values: T, width = 1): T => values.subarray(0, count * width) as T
  return {
    logProbs: first(rows.logProbs),
    logSumExps: first(rows.logSumExps),
    bestIds: first(rows.bestIds),
    bestLogProbs: first(rows.bestLogProbs),
    detail: rows.detail === null ? null : firstDetails(rows.detail),
    checksums: first(rows.checksums),
    ...(rows.work === undefined ? {} : { work: rows.work })
  }

  function firstDetails({ ranks, entropies, probSquareSums, variances, wordStarts, topCount, topIds, topLogProbs }: RowDetail): RowDetail {
    return {
      ranks: first(ranks),
      entropies: first(entropies),
      probSquareSums: first(probSquareSums),
      ...(variances === undefined ? {} : { variances: first(variances) }),
      ...(wordStarts === undefined ? {} : { wordStarts }),
      topCount,
      topIds: first(topIds, topCount),
      topLogProbs: first(topLogProbs, topCount)
    }
  }
}
