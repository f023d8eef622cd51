import { ServiceError } from '../errors.ts'
import { type Capacity, excessMs, type QueueShare, type TimedWork } from './deadline-plan.ts'
import { retryAfterSeconds } from './throughput-estimate.ts'

/** The state of the queue and the engine that decides whether a request is admitted. */
interface Load {
  /** Waiting work, the earliest deadline first. */
  readonly byDeadline: readonly TimedWork[]
  /** Tokens that the newcomer will submit later, before the same deadline. */
  readonly laterTokens: number
  readonly waitingTokens: number
  readonly maxQueueTokens: number
  /** Null while the speed of the engine is unknown: then no request is refused for its deadline. */
  readonly capacity: Capacity | null
  /** Part of the newcomer's client in the waiting work. */
  readonly share: QueueShare
  /** Time that the running and waiting work takes. */
  readonly backlogMs: number
}

/**
 * Why the scheduler refuses `newcomer`: `queue_full`, with the time that the work before it takes. Null when it
 * is admitted.
 */
export function refusalOf(
  newcomer: TimedWork,
  { byDeadline, laterTokens, waitingTokens, maxQueueTokens, capacity, share, backlogMs }: Load
): ServiceError | null {
  const { submittedAtMs, deadlineAtMs, tokens } = newcomer
  // Cached results and running batches answer all of it; the engine computes nothing.
  if (tokens === 0) return null
  if (waitingTokens > 0 && waitingTokens + tokens > maxQueueTokens)
    return new ServiceError(
      'queue_full',
      `${waitingTokens} tokens are queued, and ${tokens} more would exceed the limit of ${maxQueueTokens}; send fewer at a time, or retry later`,
      { retryAfterSeconds: retryAfterSeconds(backlogMs) }
    )
  if (capacity === null) return null
  const allTokens = Math.round(tokens + laterTokens)
  const tooMuchMs = excessMs(byDeadline, { ...newcomer, tokens: allTokens }, capacity, share)
  if (tooMuchMs <= 0) return null
  const seconds = (ms: number): string => (ms / 1000).toFixed(1)
  return new ServiceError(
    'queue_full',
    `${allTokens} tokens, ${seconds(allTokens * capacity.msPerToken)} s of computing, cannot finish within ${seconds(deadlineAtMs - submittedAtMs)} s ` +
      `beside the ${waitingTokens} queued tokens; send fewer at a time, or retry later`,
    { retryAfterSeconds: retryAfterSeconds(Math.max(tooMuchMs, backlogMs)) }
  )
}
