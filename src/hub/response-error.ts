import { ServiceError } from '../errors.ts'
import { TransientFailure } from './transient.ts'

/** The repository or file that a request is about, for messages. */
export interface Subject {
  readonly repository: string
  readonly revision: string
  /** Null for the repository itself. */
  readonly file: string | null
  readonly endpoint: string
  readonly hasToken: boolean
}

export function describeSubject({ repository, revision, file, endpoint }: Subject): string {
  const what = file === null ? `${repository}@${revision}` : `${file} of ${repository}@${revision}`
  return `${what} from ${new URL(endpoint).host}`
}

/** A response whose status is not 2xx. */
interface FailedResponse {
  readonly status: number
  readonly headers: Headers
  /** Whether the hub itself answered, not the storage that it redirects to. */
  readonly isHub: boolean
  readonly host: string
}

const RETRIED = new Set([408, 425, 429, 500, 502, 503, 504])

/** The error for a response whose status is not 2xx: a `TransientFailure` when a retry may help. */
export function responseError({ status, headers, isHub, host }: FailedResponse, subject: Subject): Error {
  const code = headers.get('x-error-code')
  // Signed storage URLs expire; a retry gets a new one from the hub.
  if (RETRIED.has(status) || (!isHub && (status === 401 || status === 403)))
    return new TransientFailure(`${host} returned ${status}`, { retryAfterMs: retryAfterMs(headers) })
  const { repository, revision, file, endpoint, hasToken } = subject
  const named = describeSubject(subject)
  const token = hasToken ? 'the token has no access' : 'no token was sent: set HF_TOKEN'
  if (code === 'GatedRepo')
    return new ServiceError('hub_refused', `${named}: the repository is gated; accept its licence at ${endpoint}/${repository}, then set HF_TOKEN (${token})`)
  if (code === 'RevisionNotFound') return new ServiceError('hub_not_found', `${named}: the repository has no branch, tag or commit ${revision}`)
  if (code === 'EntryNotFound') return new ServiceError('hub_not_found', `${named}: the repository has no file ${file ?? ''} at this revision`)
  if (code === 'RepoNotFound')
    return new ServiceError('hub_not_found', `${named}: there is no such repository, or it is private (${token}); check the spelling, then the access`)
  if (status === 401 && hasToken) return new ServiceError('hub_refused', `${named}: the token is invalid (401); create a new one, or unset HF_TOKEN`)
  if (status === 401 || status === 403) return new ServiceError('hub_refused', `${named}: access denied (${status}; ${token})${hubMessage(headers)}`)
  if (status === 404) return new ServiceError('hub_not_found', `${named}: not found (404) on ${host}; check the id and HF_ENDPOINT`)
  return new ServiceError('hub_unreachable', `${named}: ${host} returned the unexpected status ${status}; check HF_ENDPOINT and the proxy`)
}

/** Retry-After in seconds or as a date. */
function retryAfterMs(headers: Headers): number | null {
  const text = headers.get('retry-after')
  if (text === null) return null
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now()
  return Number.isFinite(ms) ? Math.max(ms, 0) : null
}

function hubMessage(headers: Headers): string {
  const message =
    headers
      .get('x-error-message')
      ?.replace(/[^\x20-\x7e]/g, '')
      .slice(0, 200) ?? ''
  return message === '' ? '' : `: ${message}`
}
