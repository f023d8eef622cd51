import { elementAt, entryOf } from '../element-at.ts'
import type { Sharing } from '../engine/engine-info.ts'
import { commonLength, PackedRowBuilder } from '../engine/packed-row.ts'
import { continuationCost, longestUnfusedRow, passCost, rowCost } from './cost-model.ts'

/** What the planner needs to know of a job. */
export interface PlannedJob {
  /** Tokens that the model computes for it, including the padding of an exact batch. */
  readonly tokenCount: number
  readonly runsAlone: boolean
  /** The ids that are fed, in order; not read when `runsAlone`. */
  readonly fed: Int32Array
  /**
   * How many leading tokens the prefix cache can save. Absent: all, with their scores. With details or labels only
   * those before the first scored token, because the cache has neither.
   */
  readonly reusableTokens?: number
}

export interface BatchLimits {
  /** Upper bound on the tokens of one pass: rows x longest row, or the columns of a packed row. */
  readonly maxBatchTokens: number
  /** A longer text fills the machine by itself, so a second row would only add padding. */
  readonly longTextTokens: number
  /** Upper bound on the S x S scores of unfused attention, 16 bytes per head; absent means no bound. */
  readonly maxAttentionBytes?: number
  /** Row length at which attention costs as much as the rest of the model; default `DEFAULT_PARITY_TOKENS`. */
  readonly parityTokens?: number
}

export interface Planning {
  readonly limits: BatchLimits
  /** What the engine can share between sequences; null while the engine is not ready. */
  readonly sharing: Sharing | null
}

export interface BatchPlan {
  /** Ascending positions in the queue, starting with its head. */
  readonly indices: readonly number[]
  /** Per index: tokens that the job adds to those computed for the jobs selected before it. */
  readonly newTokens: readonly number[]
  readonly layout: 'plain' | 'shared'
  /** Cost of the pass, in tokens of a short row. */
  readonly cost: number
}

/** How many queued jobs the planner considers. */
export const PLANNING_WINDOW = 1024

/**
 * Selects the queued jobs of the next batch and its layout: padded rows, or a shared batch where the engine can share
 * common prefixes and that costs less per requested token.
 *
 * The head of the queue is always selected, so every queue makes progress. A job that `runsAlone` gets a plain batch
 * of its own.
 */
export function planBatch(queue: readonly PlannedJob[], planning: Planning): BatchPlan {
  const [head] = queue
  if (head === undefined) return { indices: [], newTokens: [], layout: 'plain', cost: 0 }
  const candidates = head.runsAlone ? [head] : queue.slice(0, PLANNING_WINDOW)
  const padded = planPadded(candidates, planning)
  const { sharing } = planning
  if (head.runsAlone || sharing === null) return padded
  const { packing, prefixCache } = sharing
  const fits = head.tokenCount <= sharing.longestRow
  const shared = packing.isOn && fits ? planPacked(candidates, planning) : prefixCache.isOn && fits ? planFromCache(candidates, planning) : padded
  if (shared.indices.length > 1 && costPerToken(shared, candidates) < costPerToken(padded, candidates)) return shared
  // A sequence by itself may continue a prefix that earlier batches left in the cache.
  return prefixCache.isOn && padded.indices.length === 1 ? { ...padded, layout: 'shared' } : padded
}

/** Cost of a plan per token of the selected jobs. */
function costPerToken({ cost, indices }: BatchPlan, queue: readonly PlannedJob[]): number {
  return cost / indices.reduce((sum, index) => sum + elementAt(queue, index).tokenCount, 0)
}

/** Largest share of a batch that may be padding. */
const MAX_PADDING_SHARE = 0.2

/**
 * One padded row per sequence. Adds the jobs closest to the head in length while padding stays within its share and the
 * batch within its tokens and bytes. A long text runs alone. `queue` is not empty.
 */
function planPadded(queue: readonly PlannedJob[], planning: Planning): BatchPlan {
  const { limits } = planning
  const isLong = ({ tokenCount, runsAlone }: PlannedJob): boolean => runsAlone || tokenCount > limits.longTextTokens
  const head = elementAt(queue, 0)
  const selected = [0]
  let tokens = head.tokenCount
  let longest = head.tokenCount

  const others = isLong(head) ? [] : byLengthDistance(queue, head).filter(({ job }) => !isLong(job))
  for (const { index, job } of others) {
    const nextLongest = Math.max(longest, job.tokenCount)
    const padded = (selected.length + 1) * nextLongest
    if (padded > limits.maxBatchTokens) break
    if (padded - (tokens + job.tokenCount) > MAX_PADDING_SHARE * padded) continue
    if (nextLongest > longestUnfusedRow(selected.length + 1, planning)) continue
    selected.push(index)
    tokens += job.tokenCount
    longest = nextLongest
  }
  const indices = selected.sort((a, b) => a - b)
  return {
    indices,
    newTokens: indices.map((index) => elementAt(queue, index).tokenCount),
    layout: 'plain',
    cost: passCost(planning) + indices.length * rowCost(longest, planning)
  }
}

interface Candidate {
  readonly index: number
  readonly job: PlannedJob
}

function byLengthDistance(queue: readonly PlannedJob[], head: PlannedJob): Candidate[] {
  return queue
    .slice(1)
    .map((job, i) => ({ index: i + 1, job, distance: Math.abs(job.tokenCount - head.tokenCount) }))
    .sort((a, b) => a.distance - b.distance || a.index - b.index)
}

/**
 * By how much one more sequence may raise the cost per token over the lowest so far: without it, a few sequences would
 * be left over for a pass of their own.
 */
const COST_SLACK = 1.05

/**
 * One packed row, with each common prefix in it once. Adds the jobs that share the longest prefix with the head first,
 * as long as the cost per token does not rise: the prefix is paid for once, but attention grows with the square of the
 * row. `queue` is not empty.
 */
function planPacked(queue: readonly PlannedJob[], planning: Planning): BatchPlan {
  const { limits, sharing } = planning
  const head = elementAt(queue, 0)
  const maxColumns = Math.min(limits.maxBatchTokens, sharing?.longestRow ?? 0, longestUnfusedRow(1, planning))
  const row = new PackedRowBuilder()
  row.add(head.fed, 0)
  const newTokens = new Map([[0, head.tokenCount]])
  const costOf = (columns: number): number => passCost(planning) + rowCost(columns, planning)
  let tokens = head.tokenCount
  let lowest = costOf(head.tokenCount) / tokens
  for (const { index, job, shared } of bySharedPrefix(queue, head)) {
    const added = row.added(job.fed, shared)
    const columns = row.columns + added
    const cost = costOf(columns) / (tokens + job.tokenCount)
    if (columns > maxColumns || cost > COST_SLACK * lowest) continue
    row.add(job.fed, shared)
    newTokens.set(index, added)
    tokens += job.tokenCount
    lowest = Math.min(lowest, cost)
  }
  return sharedPlan(newTokens, costOf(row.columns))
}

/** Below this length, computing a common prefix again is cheaper than a separate pass from the prefix cache. */
const MIN_PREFIX_TOKENS = 32

/**
 * Sequences with the prefix of the head, which the engine runs one after the other: it caches what each of them shares
 * with another, so each adds the tokens that it shares with none before it. `queue` is not empty.
 */
function planFromCache(queue: readonly PlannedJob[], planning: Planning): BatchPlan {
  const { limits, sharing } = planning
  const head = elementAt(queue, 0)
  const longestRow = sharing?.longestRow ?? 0
  const prefixes = new PackedRowBuilder()
  prefixes.add(head.fed, 0)
  const newTokens = new Map([[0, head.tokenCount]])
  let tokens = head.tokenCount
  let cost = continuationCost(head.tokenCount, head.tokenCount, planning)
  for (const { index, job, shared } of bySharedPrefix(queue, head)) {
    if (Math.min(shared, savedTokens(job, planning)) < MIN_PREFIX_TOKENS) break
    // One topCount applies to a whole batch, so a job with details would also keep the others from cached scores.
    if (job.tokenCount > longestRow || (job.reusableTokens === undefined) !== (head.reusableTokens === undefined)) continue
    // The token before the first one that is not cached is fed again.
    const added = Math.min(job.tokenCount, 1 + Math.max(prefixes.added(job.fed, shared), job.tokenCount - savedTokens(job, planning)))
    if (tokens + added > limits.maxBatchTokens) continue
    prefixes.add(job.fed, shared)
    tokens += added
    newTokens.set(index, added)
    cost += continuationCost(added, job.tokenCount, planning)
  }
  return sharedPlan(newTokens, cost)
}

/** Most leading tokens of a job that can come from the prefix cache. */
function savedTokens({ tokenCount, reusableTokens = tokenCount }: PlannedJob, { sharing }: Planning): number {
  return Math.min(reusableTokens, sharing?.longestPrefix ?? tokenCount)
}

/**
 * Jobs that may join the head, with the length of the prefix they share with it: the longest first, then in queue
 * order.
 */
function bySharedPrefix(queue: readonly PlannedJob[], head: PlannedJob): (Candidate & { readonly shared: number })[] {
  return queue
    .map((job, index) => ({ index, job, shared: job.runsAlone ? 0 : commonLength(head.fed, job.fed) }))
    .filter(({ index, job }) => index > 0 && !job.runsAlone)
    .sort((a, b) => b.shared - a.shared || a.index - b.index)
}

function sharedPlan(newTokens: ReadonlyMap<number, number>, cost: number): BatchPlan {
  const indices = [...newTokens.keys()].sort((a, b) => a - b)
  return { indices, newTokens: indices.map((index) => entryOf(newTokens, index)), layout: 'shared', cost }
}
