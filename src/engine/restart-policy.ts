/** Starts that fail one after the other before the engine counts as failed. */
export const MAX_FAILED_STARTS = 5

const FIRST_BACKOFF_MS = 200
const MAX_BACKOFF_MS = 10_000

/** How long to wait before the next start: not at all after a process that had been ready, then doubling. */
export function restartDelayMs(failedStarts: number): number {
  return failedStarts === 0 ? 0 : Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (failedStarts - 1))
}
