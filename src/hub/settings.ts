import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { ServiceError } from '../errors.ts'
import { expandHome } from '../process/expand-home.ts'

/** Time limits and retries of requests to the hub. */
export interface HubTiming {
  /** From a request to the first byte of its response. */
  readonly answerTimeoutMs: number
  /** Between two chunks of a body. */
  readonly stallTimeoutMs: number
  /** Consecutive tries without new bytes before the request fails. */
  readonly tries: number
  /** Doubled after each try. */
  readonly firstPauseMs: number
  readonly longestPauseMs: number
  /** A request fails at once when the hub's Retry-After is longer. */
  readonly longestRetryAfterMs: number
}

/** Where models come from and where the cache is. */
export interface HubSettings {
  /** URL without a trailing slash. */
  readonly endpoint: string
  /** Holds `models--org--name`; shared with Python's huggingface_hub. */
  readonly cacheFolder: string
  /** Sent only to the endpoint; never logged. */
  readonly token: string | null
  readonly isOffline: boolean
  /** One of `DTYPES`. */
  readonly dtype: string
  readonly timing: HubTiming
}

const DEFAULT_TIMING: HubTiming = {
  answerTimeoutMs: 30_000,
  stallTimeoutMs: 30_000,
  tries: 6,
  firstPauseMs: 500,
  longestPauseMs: 8000,
  longestRetryAfterMs: 120_000
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The settings that Python's huggingface_hub would use in this environment, from HF_ENDPOINT, HF_HUB_CACHE, HF_HOME,
 * XDG_CACHE_HOME, HF_TOKEN, HF_TOKEN_PATH and HF_HUB_OFFLINE. LOGPR_HF_TOKEN takes precedence over HF_TOKEN.
 */
export function hubSettingsFrom(env: Environment, { isOffline, dtype }: { readonly isOffline: boolean; readonly dtype: string }): HubSettings {
  const home = setIn(env, 'HF_HOME') ?? join(setIn(env, 'XDG_CACHE_HOME') ?? join(homedir(), '.cache'), 'huggingface')
  return {
    endpoint: (setIn(env, 'HF_ENDPOINT') ?? 'https://huggingface.co').replace(/\/+$/, ''),
    cacheFolder: expandHome(setIn(env, 'HF_HUB_CACHE') ?? setIn(env, 'HUGGINGFACE_HUB_CACHE') ?? join(expandHome(home), 'hub')),
    token: setIn(env, 'LOGPR_HF_TOKEN') ?? setIn(env, 'HF_TOKEN') ?? tokenIn(expandHome(setIn(env, 'HF_TOKEN_PATH') ?? join(expandHome(home), 'token'))),
    isOffline: isOffline || /^(?:1|on|yes|true)$/i.test(setIn(env, 'HF_HUB_OFFLINE') ?? ''),
    dtype,
    timing: DEFAULT_TIMING
  }
}

function setIn(env: Environment, name: string): string | undefined {
  const value = env[name]?.trim()
  return value === '' ? undefined : value
}

/** Throws `configuration_invalid`, without the value of a secret, when the endpoint or the token cannot be used. */
export function assertUsable({ endpoint, token }: HubSettings): void {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '' || url.search !== '')
    throw new ServiceError('configuration_invalid', 'HF_ENDPOINT must be an http or https URL without user name, password and query')
  // The HTTP client's own error about a bad header would contain the token.
  if (token !== null && !/^[\x21-\x7e]+$/.test(token))
    throw new ServiceError('configuration_invalid', 'the hub token (LOGPR_HF_TOKEN, HF_TOKEN or the token file) must be one word of ASCII characters')
}

function tokenIn(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim() || null
  } catch {
    return null
  }
}
