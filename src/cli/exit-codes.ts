import type { ErrorCode } from '../errors.ts'

/** Exit codes of what keeps a model from being fetched, so that a script can tell a network from a licence. */
export const EXIT_CODES = {
  hub_unreachable: 10,
  hub_refused: 11,
  hub_not_found: 12,
  download_corrupt: 13,
  cache_failed: 14,
  not_in_cache: 15
} as const satisfies Partial<Record<ErrorCode, number>>
/** As a shell says of a command that SIGINT ended. */
export const EXIT_INTERRUPTED = 130

/** 2 for all that has no code of its own. */
export function exitCodeOf(code: ErrorCode): number {
  return (EXIT_CODES as Partial<Record<ErrorCode, number>>)[code] ?? 2
}
