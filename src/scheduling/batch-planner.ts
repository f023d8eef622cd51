import type { Batch } from '../engine/engine.ts'
import type { Sharing } from '../engine/engine-info.ts'
import { commonLength, PackedRowBuilder } from '../engine/packed-row.ts'
import { continuationCost, costPerToken, longestUnfusedRow, passCost, rowCost } from './cost-model.ts'
import type { QueuedWork } from './job.ts'

/** What a planner looks at. */
export interface PlannedJob {
  /** Tokens that it feeds to the model, padding of its own included. */
  readonly tokenCount: number
  readonly runsAlone: boolean
  /** The ids that are fed, in order; of one that runs alone they are not looked at. */
  readonly fed: Int32Array
}

export interface BatchLimits {
  /** Upper bound on what the model computes in one pass: rows x longest row, or the columns of a packed row. */
  readonly maxBatchTokens: number
  /** Texts with more tokens fill the machine by themselves: a neighbour would only add padding. */
  readonly longTextTokens: number
  /** Upper bound on the S x S scores of unfused attention, 16 bytes a head; no bound when absent. */
  readonly maxAttentionBytes?: number
  /** Length of a row at which attention costs as much as all else of the model; `PARITY_TOKENS` when absent. */
  readonly parityTokens?: number
}

type Layout = 'plain' | 'shared'

/** What forms the next batch. */
export interface BatchPlan {
  /** Places in the queue, rising: the head and those that join it. */
  readonly indices: readonly number[]
  /** Of each of them, the tokens that it adds to what is computed for those before it in the plan's own order. */
  readonly newTokens: readonly number[]
  readonly layout: Layout
  /** What the pass costs, in tokens of a short row. */
  readonly cost: number
}

/** What a planner is given beside the queue. */
export interface Planning {
  readonly limits: BatchLimits
  /** Null while the engine is not known. */
  readonly sharing: Sharing | null
}

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

/** Share of a batch that may be padding. */
const MAX_PADDING_SHARE = 0.2

/**
 * A padded row for each sequence. The head is joined by those closest to it in length, while padding stays below a fifth
 * and the batch within its tokens and bytes. Long texts are by themselves. `queue` is not empty.
 */
function planPadded(queue: readonly PlannedJob[], planning: Planning): BatchPlan {
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

/** A common beginning shorter than this is not worth a pass of its own from the prefix cache. */
const LEAST_PREFIX_TOKENS = 32

/** By how much a further sequence may raise what a token asked for costs: a few that are left over would need a pass of their own. */
const SLACK = 1.05

/**
 * One row in which each common prefix stands once. The head is joined by those that share the longest prefix with it
 * first, as long as a token asked for gets cheaper by it: what is shared is paid once, and attention grows with the
 * square of the row. `queue` is not empty.
 */
function planPacked(queue: readonly PlannedJob[], planning: Planning): BatchPlan {
  const { limits, sharing } = planning
  const head = queue[0]!
  const mostColumns = Math.min(limits.maxBatchTokens, sharing?.longestRow ?? 0, longestUnfusedRow(1, planning))
  const row = new PackedRowBuilder()
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
function planFromCache(queue: readonly PlannedJob[], planning: Planning): BatchPlan {
  const { limits, sharing } = planning
  const head = queue[0]!
  const longestRow = sharing?.longestRow ?? 0
  const kept = new PackedRowBuilder()
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

/** One batch of several; an exact one is never joined with others, so its probe is the only one. */
export function joinedBatch(planned: readonly QueuedWork[], layout: Layout): Batch {
  const [only] = planned
  if (planned.length === 1 && only !== undefined) return layout === 'plain' ? only.batch : { ...only.batch, layout }
  const tops = planned.flatMap(({ batch }) => batch.topCount ?? [])
  const batch = { sequences: planned.flatMap(({ batch: { sequences } }) => sequences), topCount: tops.length === 0 ? null : Math.max(...tops) }
  return layout === 'plain' ? batch : { ...batch, layout }
}
