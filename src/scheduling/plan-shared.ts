import { commonLength } from '../forest/forest.ts'
import { ForestGrowth } from './forest-growth.ts'
import type { BatchPlan, PlannedJob, Planning } from './planned-job.ts'
import { continuationCost, longestUnfusedRow, passCost, rowCost } from './row-cost.ts'

/** A common beginning shorter than this is not worth a pass of its own from the prefix cache. */
export const LEAST_PREFIX_TOKENS = 32

/** By how much a further sequence may raise what a token asked for costs: a few that are left over would need a pass of their own. */
const SLACK = 1.05

/**
 * One row in which each common prefix stands once. The head is joined by those that share the longest prefix with it
 * first, as long as a token asked for gets cheaper by it: what is shared is paid once, and attention grows with the
 * square of the row. `queue` is not empty.
 */
export function planPacked(queue: readonly PlannedJob[], planning: Planning): BatchPlan {
  const { limits, sharing } = planning
  const head = queue[0]!
  const mostColumns = Math.min(limits.maxBatchTokens, sharing?.longestRow ?? 0, longestUnfusedRow(1, planning))
  const row = new ForestGrowth()
  row.add(head.fed, 0)
  const taken = new Map([[0, head.tokenCount]])
  const costOf = (columns: number): number => passCost(planning) + rowCost(columns, planning)
  let asked = head.tokenCount
  let least = costOf(head.tokenCount) / asked
  for (const { index, job, shared } of byPrefix(queue, head)) {
    const added = row.added(job.fed, shared)
    const columns = row.columns + added
    const costPerToken = costOf(columns) / (asked + job.tokenCount)
    if (columns > mostColumns || costPerToken > SLACK * least) continue
    row.add(job.fed, shared)
    taken.set(index, added)
    asked += job.tokenCount
    least = Math.min(least, costPerToken)
  }
  return planOf(taken, costOf(row.columns))
}

/**
 * Sequences that begin like the head, to be run one after the other from the prefix cache: each adds what it does not
 * share with one before it. `queue` is not empty.
 */
export function planFromCache(queue: readonly PlannedJob[], planning: Planning): BatchPlan {
  const { limits, sharing } = planning
  const head = queue[0]!
  const longestRow = sharing?.longestRow ?? 0
  const kept = new ForestGrowth()
  kept.add(head.fed, 0)
  const taken = new Map([[0, head.tokenCount]])
  let cost = continuationCost(head.tokenCount, head.tokenCount, planning)
  for (const { index, job, shared } of byPrefix(queue, head)) {
    if (shared < LEAST_PREFIX_TOKENS) break
    if (job.tokenCount > longestRow) continue
    const added = kept.added(job.fed, shared)
    if (kept.columns + added > limits.maxBatchTokens) continue
    kept.add(job.fed, shared)
    taken.set(index, added)
    cost += continuationCost(added, job.tokenCount, planning)
  }
  return planOf(taken, cost)
}

/** Those that may join the head, with how many leading tokens they share with it: the most first, then in the order of the queue. */
function byPrefix(queue: readonly PlannedJob[], head: PlannedJob): { readonly index: number; readonly job: PlannedJob; readonly shared: number }[] {
  return queue
    .map((job, index) => ({ index, job, shared: job.runsAlone ? 0 : commonLength(head.fed, job.fed) }))
    .filter(({ index, job }) => index > 0 && !job.runsAlone)
    .sort((a, b) => b.shared - a.shared || a.index - b.index)
}

function planOf(taken: ReadonlyMap<number, number>, cost: number): BatchPlan {
  const indices = [...taken.keys()].sort((a, b) => a - b)
  return { indices, newTokens: indices.map((index) => taken.get(index) ?? 0), layout: 'shared', cost }
}
