import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { ServiceError } from '../errors.ts'

/** How long to wait for the hub and how often to ask again. */
export interface HubTiming {
  /** From a request to the first byte of its answer. */
  readonly answerTimeoutMs: number
  /** Between two pieces of a body. */
  readonly stallTimeoutMs: number
  /** Tries in a row that bring nothing new. */
  readonly tries: number
  /** Doubled after each try. */
  readonly firstPauseMs: number
  readonly longestPauseMs: number
  /** A hub that asks for a longer pause is not waited for. */
  readonly longestRetryAfterMs: number
}

/** Where models come from and where they are kept. */
export interface HubSettings {
  /** URL without a slash at its end. */
  readonly endpoint: string
  /** Holds `models--org--name`; shared with Python's huggingface_hub. */
  readonly cacheFolder: string
  /** Sent to the endpoint alone; never logged. */
  readonly token: string | null
  readonly isOffline: boolean
  /** Which weights: a name of `DTYPES`. */
  readonly dtype: string
  readonly timing: HubTiming
}

export const DEFAULT_TIMING: HubTiming = {
  answerTimeoutMs: 30_000,
  stallTimeoutMs: 30_000,
  tries: 6,
  firstPauseMs: 500,
  longestPauseMs: 8000,
  longestRetryAfterMs: 120_000
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The settings that Python's library would have in this environment. Its variables count: HF_ENDPOINT, HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME, HF_TOKEN,
 * HF_TOKEN_PATH, HF_HUB_OFFLINE; LOGPR_HF_TOKEN comes before HF_TOKEN.
 */
export function hubSettingsFrom(env: Environment, { isOffline, dtype }: { readonly isOffline: boolean; readonly dtype: string }): HubSettings {
  const home = setIn(env, 'HF_HOME') ?? join(setIn(env, 'XDG_CACHE_HOME') ?? join(homedir(), '.cache'), 'huggingface')
  return {
    endpoint: (setIn(env, 'HF_ENDPOINT') ?? 'https://huggingface.co').replace(/\/+$/, ''),
    cacheFolder: expanded(setIn(env, 'HF_HUB_CACHE') ?? setIn(env, 'HUGGINGFACE_HUB_CACHE') ?? join(expanded(home), 'hub')),
    token: setIn(env, 'LOGPR_HF_TOKEN') ?? setIn(env, 'HF_TOKEN') ?? tokenIn(expanded(setIn(env, 'HF_TOKEN_PATH') ?? join(expanded(home), 'token'))),
    isOffline: isOffline || /^(?:1|on|yes|true)$/i.test(setIn(env, 'HF_HUB_OFFLINE') ?? ''),
    dtype,
    timing: DEFAULT_TIMING
  }
}

function setIn(env: Environment, name: string): string | undefined {
  const value = env[name]?.trim()
  return value === '' ? undefined : value
}

/** `~/models` as the shell would read it. */
export function expanded(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path
}

/** Throws `configuration_invalid`, without the value of a secret, when the hub cannot be asked with these settings. */
export function assertUsable({ endpoint, token }: HubSettings): void {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '' || url.search !== '')
    throw new ServiceError('configuration_invalid', 'HF_ENDPOINT must be an http or https URL without a user name, a password and a query')
  // An error of the HTTP client about a bad header would show it.
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
