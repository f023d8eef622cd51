import { planPadded } from './plan-padded.ts'
import { planFromCache, planPacked } from './plan-shared.ts'
import type { BatchPlan, PlannedJob, Planning } from './planned-job.ts'
import { costPerToken } from './row-cost.ts'

/** How far behind the head to look for neighbours. */
export const WINDOW = 1024

/**
 * The queued jobs that form the next batch, and how it is laid out: as far as the engine can share what sequences have in
 * common, the cheaper for each token asked for of a shared batch and of padded rows.
 *
 * The job at the head is always taken, so every queue makes progress and nothing waits for ever. One that runs alone is
 * alone, and plain.
 */
export function planBatch(queue: readonly PlannedJob[], planning: Planning): BatchPlan {
  const [head] = queue
  if (head === undefined) return { indices: [], newTokens: [], layout: 'plain', cost: 0 }
  const candidates = head.runsAlone ? [head] : queue.slice(0, WINDOW)
  const padded = planPadded(candidates, planning)
  const { sharing } = planning
  if (head.runsAlone || sharing === null) return padded
  const { packing, prefixCache } = sharing
  const fits = head.tokenCount <= sharing.longestRow
  const shared = packing.isOn && fits ? planPacked(candidates, planning) : prefixCache.isOn && fits ? planFromCache(candidates, planning) : padded
  if (shared.indices.length > 1 && costPerToken(shared, candidates) < costPerToken(padded, candidates)) return shared
  // By itself it may continue what is kept from earlier batches.
  return prefixCache.isOn && padded.indices.length === 1 ? { ...padded, layout: 'shared' } : padded
}
