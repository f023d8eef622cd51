import type { FastifyBaseLogger } from 'fastify'

/** How long a store that failed is left alone, in milliseconds, so that not every request waits for it. */
const RETRY_MS = 1000

export interface SharedCountsObserver {
  readonly log: Pick<FastifyBaseLogger, 'error' | 'info'>
  /** Called for each request that is let in without being counted. */
  uncounted(): void
}

/**
 * Calls `count`, which asks a store that other replicas share, and returns null when that fails: better no limit than
 * no service. After a failure, one request per second asks again and the others are not counted. Logs the first
 * failure and the recovery.
 */
export function withoutFailures<Request, Counted>(
  count: (request: Request) => Promise<Counted>,
  { log, uncounted }: SharedCountsObserver,
  now: () => number = () => performance.now()
): (request: Request) => Promise<Counted | null> {
  let isFailing = false
  let retryAtMs = Number.NEGATIVE_INFINITY
  return async (request) => {
    if (isFailing && now() < retryAtMs) {
      uncounted()
      return null
    }
    retryAtMs = now() + RETRY_MS
    try {
      const counted = await count(request)
      if (isFailing) log.info({}, 'requests are counted again')
      isFailing = false
      return counted
    } catch (error) {
      if (!isFailing) log.error({ reason: error instanceof Error ? error.message : String(error) }, 'Redis did not count a request, requests are not limited')
      isFailing = true
      retryAtMs = now() + RETRY_MS
      uncounted()
      return null
    }
  }
}
