import type { ErrorCode } from '../errors.ts'

/** Exit codes of a failed download, so that a script can tell a network error from a denied licence. */
export const EXIT_CODES = {
  hub_unreachable: 10,
  hub_refused: 11,
  hub_not_found: 12,
  download_corrupt: 13,
  cache_failed: 14,
  not_in_cache: 15
} as const satisfies Partial<Record<ErrorCode, number>>

/** Of a service that stopped because a model failed for good while it was served: start it again. */
export const EXIT_FAILED = 20

/** Of a command that asked another server, by `PeerError.kind`. */
export const EXIT_PEER = { unreachable: 30, refused: 31, invalid: 32 } as const

/** The exit code that shells report for a command ended by SIGINT. */
export const EXIT_INTERRUPTED = 130

/** Every other error exits with 2. */
export function exitCodeOf(code: ErrorCode): number {
  return (EXIT_CODES as Partial<Record<ErrorCode, number>>)[code] ?? 2
}
