import type { BatchPlan, PlannedJob, Planning } from './planned-job.ts'
import { longestUnfusedRow, passCost, rowCost } from './row-cost.ts'

/** Share of a batch that may be padding. */
const MAX_PADDING_SHARE = 0.2

/**
 * A padded row for each sequence. The head is joined by those closest to it in length, while padding stays below a fifth
 * and the batch within its tokens and bytes. Long texts are by themselves. `queue` is not empty.
 */
export function planPadded(queue: readonly PlannedJob[], planning: Planning): BatchPlan {
  const { limits } = planning
  const isLong = ({ tokenCount, runsAlone }: PlannedJob): boolean => runsAlone || tokenCount > limits.longTextTokens
  const head = queue[0]!
  const taken = [0]
  let tokens = head.tokenCount
  let longest = head.tokenCount

  const byDistance = isLong(head) ? [] : nearest(queue, head).filter(({ job }) => !isLong(job))
  for (const { index, job } of byDistance) {
    const nextLongest = Math.max(longest, job.tokenCount)
    const padded = (taken.length + 1) * nextLongest
    if (padded > limits.maxBatchTokens) break
    if (padded - (tokens + job.tokenCount) > MAX_PADDING_SHARE * padded) continue
    if (nextLongest > longestUnfusedRow(taken.length + 1, planning)) continue
    taken.push(index)
    tokens += job.tokenCount
    longest = nextLongest
  }
  const indices = taken.sort((a, b) => a - b)
  return {
    indices,
    newTokens: indices.map((index) => queue[index]!.tokenCount),
    layout: 'plain',
    cost: passCost(planning) + indices.length * rowCost(longest, planning)
  }
}

function nearest(queue: readonly PlannedJob[], head: PlannedJob): { readonly index: number; readonly job: PlannedJob }[] {
  return queue
    .slice(1)
    .map((job, i) => ({ index: i + 1, job, distance: Math.abs(job.tokenCount - head.tokenCount) }))
    .sort((a, b) => a.distance - b.distance || a.index - b.index)
}
