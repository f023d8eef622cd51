import type { Priority } from './job.ts'

/** Work that has to be done by a time; times in milliseconds on one clock. */
export interface TimedWork {
  readonly submittedAtMs: number
  /** Infinity when nobody waits for it. */
  readonly deadlineAtMs: number
  readonly tokens: number
  readonly priority: Priority
}

/** When the engine is free, and how fast it is. */
export interface Capacity {
  readonly freeAtMs: number
  readonly msPerToken: number
}

/**
 * Share of the time between submission and deadline that is kept in hand: estimates are off, and answers have to be
 * written. Batch work leaves half of it, so that interactive work which comes later still finds room before its own deadline.
 */
const MARGIN: Readonly<Record<Priority, number>> = { interactive: 0.1, batch: 0.5 }
/**
 * Share of that time that must be left over for the order not to matter. In turns all end together at the very end, so
 * that a small error makes all of them late; by deadline one after the other is done.
 */
const SPARE = 0.25

/**
 * By how many milliseconds `newcomer` is too much; 0 or less when it can be taken.
 *
 * Work can be done in time exactly when it can in the order of the deadlines (Jackson's rule), so that order is walked
 * through. The newcomer must end within its own deadline less the margin, and nothing that would be in time without it
 * may be late because of it. What would be late in any case is left out: it must not keep others away.
 */
export function excessMs(byDeadline: readonly TimedWork[], newcomer: TimedWork, { freeAtMs, msPerToken }: Capacity): number {
  const ownMs = newcomer.tokens * msPerToken
  const ownLimitMs = newcomer.submittedAtMs + (1 - MARGIN[newcomer.priority]) * allowedMs(newcomer)
  let endMs = freeAtMs
  let excess = Number.NEGATIVE_INFINITY
  let isPlaced = false
  for (const work of byDeadline) {
    if (!isPlaced && work.deadlineAtMs > newcomer.deadlineAtMs) {
      isPlaced = true
      excess = endMs + ownMs - ownLimitMs
    }
    const workEndMs = endMs + work.tokens * msPerToken
    if (workEndMs > work.deadlineAtMs) continue
    endMs = workEndMs
    // Work without a deadline is never late.
    if (isPlaced && work.deadlineAtMs < Number.POSITIVE_INFINITY) excess = Math.max(excess, endMs + ownMs - work.deadlineAtMs)
  }
  return isPlaced ? excess : endMs + ownMs - ownLimitMs
}

/**
 * Index of the work that has to go first so that none is late that could be in time; null while all of them have time
 * to spare, so that any order will do.
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
    // Work without a deadline always has time.
    if (work.deadlineAtMs < Number.POSITIVE_INFINITY && work.deadlineAtMs - endMs < SPARE * allowedMs(work)) return first
  }
  return null
}

function allowedMs({ submittedAtMs, deadlineAtMs }: TimedWork): number {
  return deadlineAtMs - submittedAtMs
}
