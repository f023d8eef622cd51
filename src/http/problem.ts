import type { ServiceError } from '../errors.ts'
import { ERROR_KINDS } from './status.ts'

/** One error body that RFC 9457 clients and OpenAI clients both read. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: string
  readonly request_id: string
  readonly error: { readonly message: string; readonly type: string; readonly param: string | null; readonly code: string }
}

export const PROBLEM_MEDIA_TYPE = 'application/problem+json; charset=utf-8'

export function problemOf({ code, message, param }: ServiceError, requestId: string): Problem {
  const { status, title, type } = ERROR_KINDS[code]
  return {
    type: `urn:logpr:error:${code}`,
    title,
    status,
    detail: message,
    code,
    request_id: requestId,
    error: { message, type, param: param ?? null, code }
  }
}

/** Headers that go with an error: when to come back, and not to try again what cannot succeed. */
export function problemHeaders({ code, retryAfterSeconds }: ServiceError): Record<string, string> {
  const kind: { readonly status: number; readonly shouldRetry?: boolean } = ERROR_KINDS[code]
  const isPassing = kind.status === 429 || kind.status === 503
  return {
    'content-type': PROBLEM_MEDIA_TYPE,
    ...(isPassing ? { 'retry-after': String(retryAfterSeconds ?? 1) } : {}),
    ...(kind.shouldRetry === false ? { 'x-should-retry': 'false' } : {})
  }
}
