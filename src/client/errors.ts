/** What a response with an error says; docs/reference/errors.md lists the codes. */
export interface LogprErrorDetails {
  /** HTTP status. */
  readonly status: number
  /** Stable name of the error. `http_STATUS` when the body is not one of logpr, as from a proxy. */
  readonly code: string
  /** Path of the field at fault; null when there is none. */
  readonly param: string | null
  /** To find the request in the log of the service; null when the response has none. */
  readonly requestId: string | null
  /** How long the service asks to wait, in milliseconds; null when it does not. */
  readonly retryAfterMs: number | null
}

/** The service answered with an error. The message says what is wrong and what to do. */
export class LogprError extends Error {
  override readonly name = 'LogprError'
  readonly status: number
  readonly code: string
  readonly param: string | null
  readonly requestId: string | null
  readonly retryAfterMs: number | null

  constructor(message: string, { status, code, param, requestId, retryAfterMs }: LogprErrorDetails) {
    super(message)
    this.status = status
    this.code = code
    this.param = param
    this.requestId = requestId
    this.retryAfterMs = retryAfterMs
  }
}

/** No whole response arrived: the service cannot be reached, or the connection broke. `cause` has the reason. */
export class LogprConnectionError extends Error {
  override readonly name = 'LogprConnectionError'
}

/** Reads the body of a response with an error, whatever sent it. */
export async function errorOf(response: Response): Promise<LogprError> {
  const body = parsed(await response.text())
  const nested = objectAt(body, 'error')
  return new LogprError(
    textAt(body, 'detail') ?? textAt(nested, 'message') ?? textAt(body, 'error') ?? `the service answered with status ${response.status} and no reason`,
    {
      status: response.status,
      code: textAt(body, 'code') ?? textAt(nested, 'code') ?? `http_${response.status}`,
      param: textAt(nested, 'param'),
      requestId: response.headers.get('x-request-id') ?? textAt(body, 'request_id'),
      retryAfterMs: retryAfterMs(response.headers)
    }
  )
}

/** The wait that a response asks for, in milliseconds, or null. `Retry-After` is seconds or a date. */
function retryAfterMs(headers: Headers): number | null {
  const exactMs = Number(headers.get('retry-after-ms') ?? Number.NaN)
  if (Number.isFinite(exactMs)) return Math.max(0, exactMs)
  const given = headers.get('retry-after')
  if (given === null) return null
  const waitMs = /^\d+$/.test(given.trim()) ? Number(given) * 1000 : Date.parse(given) - Date.now()
  return Number.isFinite(waitMs) ? Math.max(0, waitMs) : null
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

function objectAt(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[key] : undefined
}

function textAt(value: unknown, key: string): string | null {
  const found = objectAt(value, key)
  return typeof found === 'string' ? found : null
}
