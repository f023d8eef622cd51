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
}

/**
 * Share of the time between submission and deadline that admission keeps in reserve, because estimates are off and the
 * response has to be written. Batch work leaves half of it, so that interactive work which arrives later still finds
 * room before its own deadline.
 */
const MARGIN: Readonly<Record<Priority, number>> = { interactive: 0.1, batch: 0.5 }
/**
 * The same for interactive work by the part that its client has in the queue, when others use the service too. The
 * client with most of the work leaves room; the others may use it, because their turn comes early.
 */
const MARGIN_BY_SHARE: Readonly<Record<QueueShare, number>> = { all: MARGIN.interactive, most: 0.25, less: 0 }
/**
 * Share of that time that all work must have to spare before the queue may ignore deadlines. In fair turns all requests
 * end together at the very end, so a small error makes all of them late; in the order of deadlines they end one by one.
 */
const SPARE = 0.25
/** Share of that time that work must have to spare when it is planned, or it counts as late. Less than the margins. */
const LATE_SPARE = 0.05

/**
 * By how many milliseconds `newcomer` is too much; 0 or less when it can be admitted.
 *
 * Work can meet its deadlines exactly when it does in the order of the deadlines (Jackson's rule), so this simulates
 * that order. The newcomer must end within its own deadline less the margin, and must not make late what would be in
 * time without it. Work that is late in any case is left out: it must not keep others away.
 */
export function excessMs(byDeadline: readonly TimedWork[], newcomer: TimedWork, { freeAtMs, msPerToken }: Capacity, share: QueueShare = 'all'): number {
  const ownMs = newcomer.tokens * msPerToken
  const margin = newcomer.priority === 'batch' ? MARGIN.batch : MARGIN_BY_SHARE[share]
  const ownLimitMs = newcomer.submittedAtMs + (1 - margin) * allowedMs(newcomer)
  let endMs = freeAtMs
  let excess = Number.NEGATIVE_INFINITY
  let isPlaced = false
  for (const work of byDeadline) {
    if (!isPlaced && work.deadlineAtMs > newcomer.deadlineAtMs) {
      isPlaced = true
      excess = endMs + ownMs - ownLimitMs
    }
    const workEndMs = endMs + work.tokens * msPerToken
    if (workEndMs > latestEndMs(work)) continue
    endMs = workEndMs
    // Work without a deadline is never late; Infinity - Infinity would be NaN.
    if (isPlaced && work.deadlineAtMs < Number.POSITIVE_INFINITY) excess = Math.max(excess, endMs + ownMs - latestEndMs(work))
  }
  return isPlaced ? excess : endMs + ownMs - ownLimitMs
}

/**
 * Index of the work that must run first so that nothing that can be in time is late; null while all work has time to
 * spare, so that any order will do.
 */
export function mostUrgent(byDeadline: readonly TimedWork[], { freeAtMs, msPerToken }: Capacity): number | null {
  let endMs = freeAtMs
  let first: number | null = null
  for (const [index, work] of byDeadline.entries()) {
    if (work.tokens === 0) continue
    const workEndMs = endMs + work.tokens * msPerToken
    if (workEndMs > work.deadlineAtMs) continue
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
export function lateWork(byDeadline: readonly TimedWork[], { freeAtMs, msPerToken }: Capacity): ReadonlySet<TimedWork> {
  const late = new Set<TimedWork>()
  let endMs = freeAtMs
  for (const work of byDeadline) {
    const workEndMs = endMs + work.tokens * msPerToken
    if (workEndMs > latestEndMs(work)) late.add(work)
    else endMs = workEndMs
  }
  return late
}

/** When work has to end to be in time although the engine may get slower, as it does under overload. */
function latestEndMs(work: TimedWork): number {
  return work.deadlineAtMs === Number.POSITIVE_INFINITY ? Number.POSITIVE_INFINITY : work.deadlineAtMs - LATE_SPARE * allowedMs(work)
}

function allowedMs({ submittedAtMs, deadlineAtMs }: TimedWork): number {
  return deadlineAtMs - submittedAtMs
}
