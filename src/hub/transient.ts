import { setTimeout as pause } from 'node:timers/promises'
import { type ErrorCode, ServiceError } from '../errors.ts'
import type { HubTiming } from './settings.ts'

/** A failure that a retry may cure. */
export class TransientFailure extends Error {
  /** The error code when the tries are used up. */
  readonly code: ErrorCode
  /** From the hub's Retry-After. */
  readonly retryAfterMs: number | null

  constructor(reason: string, { code = 'hub_unreachable' as ErrorCode, retryAfterMs = null as number | null, cause = undefined as unknown } = {}) {
    super(reason, { cause })
    this.code = code
    this.retryAfterMs = retryAfterMs
  }
}

interface Retries {
  readonly timing: HubTiming
  readonly signal: AbortSignal
  /** Names the repository, file and host in the error. */
  readonly subject: string
  readonly onRetry: (reason: string, pauseMs: number) => void
}

/**
 * Repeats `attempt` while it fails with a `TransientFailure`, with pauses that double or that the hub asked for. An
 * attempt that made progress (`hasAdvanced`, called once after each failure) resets the count. Throws the failure's
 * code when the tries are used up.
 */
export async function retried<T>(
  attempt: () => Promise<T>,
  { timing, signal, subject, onRetry }: Retries,
  hasAdvanced: () => boolean = () => false
): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof TransientFailure)) throw error
      if (hasAdvanced()) failures = 1
      const pauseMs = error.retryAfterMs ?? Math.min(timing.firstPauseMs * 2 ** (failures - 1), timing.longestPauseMs)
      if (failures >= timing.tries || pauseMs > timing.longestRetryAfterMs) throw lastFailure(error, subject, failures)
      onRetry(error.message, pauseMs)
      await pause(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted())
    }
  }
}

function lastFailure(error: TransientFailure, subject: string, failures: number): ServiceError {
  const seconds = error.retryAfterMs === null ? '' : ` The hub asks for a pause of ${Math.ceil(error.retryAfterMs / 1000)} s.`
  const advice =
    error.code === 'download_corrupt'
      ? 'Try again later, or with another mirror (HF_ENDPOINT).'
      : 'Check the network, HF_ENDPOINT and the proxy; what has arrived is kept, and the same command resumes the download.'
  return new ServiceError(error.code, `${subject}: ${error.message}, after ${failures} ${failures === 1 ? 'try' : 'tries in a row'}.${seconds} ${advice}`, {
    cause: error
  })
}
