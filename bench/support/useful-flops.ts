import { commonLength, compareIds } from '../../src/engine/packed-row.ts'
import type { ModelCost } from '../models/bench-model.ts'
import { fedIds, type Item } from '../workloads/item.ts'

/** The computation that some items need, whatever the method. */
export interface UsefulWork {
  /** Distinct tokens: a shared prefix counts once. */
  readonly tokens: number
  /** Number of requested rows of the head. */
  readonly rows: number
  readonly flops: number
}

/**
 * Multiplications and additions that every exact method needs, 2 per weight: the body of each distinct token, its
 * attention to itself and to earlier tokens (a score and a weighted value, 2 each), and one row of the head per
 * requested position.
 */
export function usefulWork(items: readonly Item[], { bodyWeights, layers, attentionWidth, hidden, vocabSize }: ModelCost): UsefulWork {
  let tokens = 0
  let visible = 0
  let before: Int32Array = new Int32Array(0)
  for (const ids of items.map(fedIds).sort(compareIds)) {
    const shared = commonLength(before, ids)
    tokens += ids.length - shared
    visible += (ids.length * (ids.length + 1) - shared * (shared + 1)) / 2
    before = ids
  }
  // Rows at the same position of the same tokens are one row, for example those of one-token options.
  const rows = new Set(items.flatMap((item) => rowKeys(item))).size
  return { tokens, rows, flops: 2 * bodyWeights * tokens + 4 * layers * attentionWidth * visible + 2 * hidden * vocabSize * rows }
}

function rowKeys(item: Item): string[] {
  const context = item.context.join()
  return item.continuation.map((_, i) => `${context}|${item.continuation.slice(0, i).join()}`)
}
