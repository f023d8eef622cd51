import { ServiceError } from '../errors.ts'
import { type Capacity, excessMs, type TimedWork } from './deadline-plan.ts'
import { retryAfterSeconds, type ThroughputEstimate } from './throughput-estimate.ts'

/** What an admission depends on. */
export interface Load {
  /** What waits, the earliest deadline first. */
  readonly byDeadline: readonly TimedWork[]
  readonly waitingTokens: number
  readonly maxQueueTokens: number
  /** Null while the speed is not known: then no deadline is a reason. */
  readonly capacity: Capacity | null
  readonly throughput: ThroughputEstimate
}

/** Why a newcomer cannot be taken beside what waits, with the seconds after which there should be room; null when it can. */
export function refusalOf(newcomer: TimedWork, { byDeadline, waitingTokens, maxQueueTokens, capacity, throughput }: Load): ServiceError | null {
  const { submittedAtMs, deadlineAtMs, tokens } = newcomer
  // It needs nothing of the engine.
  if (tokens === 0) return null
  if (waitingTokens > 0 && waitingTokens + tokens > maxQueueTokens)
    return new ServiceError('queue_full', `${waitingTokens} tokens are waiting and ${tokens} more would pass the limit of ${maxQueueTokens}`, {
      retryAfterSeconds: throughput.secondsFor(waitingTokens)
    })
  if (capacity === null) return null
  const tooMuchMs = excessMs(byDeadline, newcomer, capacity)
  if (tooMuchMs <= 0) return null
  const seconds = (ms: number): string => (ms / 1000).toFixed(1)
  return new ServiceError(
    'queue_full',
    `${tokens} tokens, ${seconds(tokens * capacity.msPerToken)} s of computing, cannot be done within ${seconds(deadlineAtMs - submittedAtMs)} s beside the ${waitingTokens} tokens that wait; send less at once, or later`,
    { retryAfterSeconds: retryAfterSeconds(tooMuchMs) }
  )
}
