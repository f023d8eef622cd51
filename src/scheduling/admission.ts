import { ServiceError } from '../errors.ts'
import { type Capacity, excessMs, type TimedWork } from './deadline-plan.ts'

/** What an admission depends on. */
interface Load {
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

/** Batches are forgotten with this time constant, in milliseconds of computing. */
const MEMORY_MS = 5_000
/** Computing that has to be seen before it is taken for the speed of the model: the first passes are slow. */
const LEAST_MS = 1000
/** Tokens a second where nothing was seen yet, for telling a refused client when to come back. */
const ASSUMED_TOKENS_PER_MS = 1
const MAX_SECONDS = 60

/**
 * Tokens a millisecond that the engine does while more work waits than fits into a batch: sums over past batches that
 * fade with the time computed since. A batch of an idle service says nothing of that, unless it was faster.
 */
export class ThroughputEstimate {
  #tokens = 0
  #elapsedMs = 0

  observe(tokens: number, elapsedMs: number, isSaturated: boolean): void {
    const { msPerToken } = this
    if (!isSaturated && (msPerToken === null || elapsedMs >= tokens * msPerToken)) return
    const kept = Math.exp(-elapsedMs / MEMORY_MS)
    this.#tokens = this.#tokens * kept + tokens
    this.#elapsedMs = this.#elapsedMs * kept + elapsedMs
  }

  /** Null until enough was seen: a refusal needs a reason. */
  get msPerToken(): number | null {
    return this.#elapsedMs < LEAST_MS || this.#tokens === 0 ? null : this.#elapsedMs / this.#tokens
  }

  /** How long so many tokens take, as `Retry-After`. */
  secondsFor(tokens: number): number {
    return retryAfterSeconds(tokens * (this.msPerToken ?? 1 / ASSUMED_TOKENS_PER_MS))
  }
}

/** Whole seconds, from 1 to 60. */
export function retryAfterSeconds(waitMs: number): number {
  return Math.min(MAX_SECONDS, Math.max(1, Math.ceil(waitMs / 1000)))
}
