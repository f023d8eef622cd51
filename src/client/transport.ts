import { errorOf, LogprConnectionError, LogprError } from './errors.ts'

export interface ClientOptions {
  /** Where the service is, with its base path if it has one: `http://127.0.0.1:8080`. */
  readonly baseUrl: string
  /** Sent as `Authorization: Bearer KEY`. */
  readonly apiKey?: string
  /** How often a request that was refused (429, 503) or lost is sent again. Default 5. */
  readonly maxRetries?: number
  /** A longer wait than this, in milliseconds, is an error instead. Default 60 s, the longest that logpr asks for. */
  readonly maxRetryWaitMs?: number
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>
  /** In place of the global one. */
  readonly fetch?: typeof fetch
}

export interface RequestOptions {
  /** Ends the request and all waiting; the promise is rejected with the reason of the signal. */
  readonly signal?: AbortSignal
  /** Longest time in milliseconds, with all retries. The service drops work that cannot finish in it. */
  readonly timeoutMs?: number
  /** Overrides the headers of the client. */
  readonly headers?: Readonly<Record<string, string>>
}

/** A request as it is sent. */
export interface Call {
  readonly method: 'GET' | 'POST'
  /** Below the base URL, without its first slash. */
  readonly path: string
  readonly body?: unknown
  readonly accept?: string
}

/** Statuses that ask to try again: the service or a gateway had no room, no replica, or lost it. */
const RETRIED_STATUSES: ReadonlySet<number> = new Set([429, 502, 503])
const FIRST_BACKOFF_MS = 500
const MAX_BACKOFF_MS = 8000

/**
 * Sends requests and repeats those that were refused or lost. That is safe, because every request of logpr is a pure
 * function of its body.
 */
export class Transport {
  readonly #options: ClientOptions
  readonly #baseUrl: string

  constructor(options: ClientOptions) {
    if (!/^https?:\/\//.test(options.baseUrl)) throw new TypeError(`baseUrl must begin with http:// or https://, as in http://127.0.0.1:8080`)
    this.#options = options
    this.#baseUrl = options.baseUrl.replace(/\/+$/, '')
  }

  /** Resolves to a response with status 2xx, whose body has not been read. */
  async send(call: Call, { signal, timeoutMs, headers }: RequestOptions = {}): Promise<Response> {
    const { maxRetries = 5, maxRetryWaitMs = 60_000 } = this.#options
    const endsAtMs = timeoutMs === undefined ? null : performance.now() + timeoutMs
    const signals = [...(signal === undefined ? [] : [signal]), ...(timeoutMs === undefined ? [] : [AbortSignal.timeout(timeoutMs)])]
    const ending = AbortSignal.any(signals)
    for (let retries = 0; ; retries++) {
      ending.throwIfAborted()
      const leftMs = endsAtMs === null ? null : Math.max(1, Math.ceil(endsAtMs - performance.now()))
      const failure = await this.#attempt(call, { ...headers, ...(leftMs === null ? {} : { 'x-request-timeout-ms': String(leftMs) }) }, ending)
      if (failure instanceof Response) return failure
      const waitMs = (failure instanceof LogprError ? failure.retryAfterMs : null) ?? backoffMs(retries)
      const isRetried = failure instanceof LogprConnectionError || RETRIED_STATUSES.has(failure.status)
      if (!isRetried || retries >= maxRetries || waitMs > maxRetryWaitMs) throw failure
      await sleep(waitMs, ending)
    }
  }

  async #attempt(call: Call, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Response | LogprError | LogprConnectionError> {
    const { apiKey, headers: ofClient, fetch: send = fetch } = this.#options
    try {
      const response = await send(`${this.#baseUrl}/${call.path}`, {
        method: call.method,
        headers: {
          accept: call.accept ?? 'application/json',
          ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
          ...ofClient,
          ...headers
        },
        ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
        signal
      })
      return response.ok ? response : await errorOf(response)
    } catch (error) {
      return lost(error, signal)
    }
  }
}

/** What a failed `fetch`, or a body that broke off, means. Throws the reason if `signal` ended the request. */
export function lost(error: unknown, signal: AbortSignal | undefined): LogprConnectionError {
  signal?.throwIfAborted()
  if (error instanceof DOMException && (error.name === 'TimeoutError' || error.name === 'AbortError')) throw error
  return new LogprConnectionError(`no whole response arrived${reasonOf(error)}: check the address of the service, and that it runs`, { cause: error })
}

/** In Node, the cause of a failed `fetch` names the address; browsers tell no reason. */
function reasonOf(error: unknown): string {
  const { message = '' } = error instanceof Error && error.cause instanceof Error ? error.cause : {}
  return message === '' ? '' : ` (${message})`
}

/** Doubles, and varies by a half, so that clients that were refused together do not return together. */
function backoffMs(retries: number): number {
  return Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** retries) * (0.5 + Math.random() / 2)
}

/** Rejects with the reason of `signal` as soon as it aborts. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer)
      reject(signal.reason as Error)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    signal.addEventListener('abort', onAbort, { once: true })
  })
}

/**
 * The values of a body of JSON lines, each as soon as its line has arrived. Leaving the loop early closes the
 * connection, so that the service drops what is left to do.
 */
export async function* jsonLines(response: Response, signal?: AbortSignal): AsyncGenerator<unknown, void, undefined> {
  if (response.body === null) return
  const reader = response.body.getReader()
  // A character may be split over chunks.
  const decoder = new TextDecoder()
  let rest = ''
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((error: unknown) => Promise.reject(lost(error, signal)))
      rest += decoder.decode(value, { stream: !done })
      const lines = rest.split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) if (line.trim() !== '') yield parsedLine(line)
      if (done) break
    }
    if (rest.trim() !== '') yield parsedLine(rest)
  } finally {
    // Rejects if the connection broke, which the reader has reported.
    await reader.cancel().catch(() => undefined)
  }
}

function parsedLine(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch (error) {
    throw new LogprConnectionError('a line of the response is not JSON, so the response was cut off', { cause: error })
  }
}
