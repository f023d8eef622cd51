import type { Priority } from './job.ts'

/** Work with a deadline; all times are milliseconds of one clock. */
export interface TimedWork {
  readonly submittedAtMs: number
  /** Infinity when the work has no deadline. */
  readonly deadlineAtMs: number
  readonly tokens: number
  readonly priority: Priority
}

/** What part of the waiting work a client has: `all` means that nobody else used the service lately. */
export type QueueShare = 'all' | 'most' | 'less'

/** When the engine is free, and how fast it is. */
export interface Capacity {
  readonly freeAtMs: number
  readonly msPerToken: number
  /** Time of the next full batch, 0 where nothing waits. Work ends with its batch, so up to this much later. */
  readonly batchMs: number
}

/**
 * Share of the time between submission and deadline that admission keeps in reserve, because the response has to be
 * written. Batch work leaves half of it, so that interactive work which arrives later still finds room before its own
 * deadline.
 */
const MARGIN: Readonly<Record<Priority, number>> = { interactive: 0.1, batch: 0.5 }
/**
 * The same for interactive work that others precede, by the part that its client has in the queue. A machine that other
 * programs use too slows down by two fifths within the time of a queue, and overload takes processor time for
 * refusals. A full queue stays full with this reserve, so it costs no throughput. The client with most of the work
 * leaves the room to others, who may use all of it, because their turn comes early.
 */
const MARGIN_BY_SHARE: Readonly<Record<QueueShare, number>> = { all: 0.4, most: 0.4, less: 0 }
/**
 * Share of that time that all work must have to spare before the queue may ignore deadlines. In fair turns all requests
 * end together at the very end, so a small error makes all of them late; in the order of deadlines they end one by one.
 */
const SPARE = 0.25
/**
 * Share of that time that work must have to spare when it is planned, or it counts as late: a batch, with which it
 * ends, within these bounds. Not more than the margins, or admitted work would be late at once.
 */
const LATE_SPARE = { min: 0.05, max: MARGIN.interactive }

/**
 * By how many milliseconds `newcomer` is too much; 0 or less when it can be admitted.
 *
 * Work can meet its deadlines exactly when it does in the order of the deadlines (Jackson's rule), so this simulates
 * that order. The newcomer must end within its own deadline less the margin, and must not make late what would be in
 * time without it. Work that is late in any case is left out: it must not keep others away.
 */
export function excessMs(byDeadline: readonly TimedWork[], newcomer: TimedWork, capacity: Capacity, share: QueueShare = 'all'): number {
  const { freeAtMs, msPerToken } = capacity
  const ownMs = newcomer.tokens * msPerToken
  const ownExcessMs = (startMs: number): number => startMs + ownMs - ownLimitMs(newcomer, startMs > freeAtMs, share)
  let endMs = freeAtMs
  let excess = Number.NEGATIVE_INFINITY
  let isPlaced = false
  for (const work of byDeadline) {
    if (!isPlaced && work.deadlineAtMs > newcomer.deadlineAtMs) {
      isPlaced = true
      excess = ownExcessMs(endMs)
    }
    const workEndMs = endMs + work.tokens * msPerToken
    if (workEndMs > latestEndMs(work, capacity)) continue
    endMs = workEndMs
    // Work without a deadline is never late; Infinity - Infinity would be NaN.
    if (isPlaced && work.deadlineAtMs < Number.POSITIVE_INFINITY) excess = Math.max(excess, endMs + ownMs - latestEndMs(work, capacity))
  }
  return isPlaced ? excess : ownExcessMs(endMs)
}

/**
 * Index of the work that must run first so that nothing that can be in time is late; null while all work has time to
 * spare, so that any order will do.
 */
export function mostUrgent(byDeadline: readonly TimedWork[], capacity: Capacity): number | null {
  const { msPerToken } = capacity
  let endMs = capacity.freeAtMs
  let first: number | null = null
  for (const [index, work] of byDeadline.entries()) {
    if (work.tokens === 0) continue
    const workEndMs = endMs + work.tokens * msPerToken
    if (workEndMs > latestEndMs(work, capacity)) continue
    endMs = workEndMs
    first ??= index
    // Work without a deadline always has time to spare.
    if (work.deadlineAtMs < Number.POSITIVE_INFINITY && work.deadlineAtMs - endMs < SPARE * allowedMs(work)) return first
  }
  return null
}

/**
 * The work that will be late in any case, or nearly, in the order of deadlines. Computing it takes the engine from work
 * that could still be in time, which would be late in turn.
 */
export function lateWork(byDeadline: readonly TimedWork[], capacity: Capacity): ReadonlySet<TimedWork> {
  const { msPerToken } = capacity
  const late = new Set<TimedWork>()
  let endMs = capacity.freeAtMs
  for (const work of byDeadline) {
    const workEndMs = endMs + work.tokens * msPerToken
    if (workEndMs > latestEndMs(work, capacity)) late.add(work)
    else endMs = workEndMs
  }
  return late
}

function ownLimitMs(newcomer: TimedWork, isPreceded: boolean, share: QueueShare): number {
  const { priority, submittedAtMs } = newcomer
  const margin = priority === 'interactive' && isPreceded ? MARGIN_BY_SHARE[share] : MARGIN[priority]
  return submittedAtMs + (1 - margin) * allowedMs(newcomer)
}

/** When work has to end to be in time although its batch ends later and the engine may get slower. */
function latestEndMs(work: TimedWork, { batchMs }: Capacity): number {
  if (work.deadlineAtMs === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY
  const allowed = allowedMs(work)
  return work.deadlineAtMs - Math.min(Math.max(batchMs, LATE_SPARE.min * allowed), LATE_SPARE.max * allowed)
}

function allowedMs({ submittedAtMs, deadlineAtMs }: TimedWork): number {
  return deadlineAtMs - submittedAtMs
}
