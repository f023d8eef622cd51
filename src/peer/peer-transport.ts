import { setTimeout as pause } from 'node:timers/promises'
import { ServiceError } from '../errors.ts'
import { errorTextOf, PeerError } from './peer-error.ts'

export interface TransportOptions {
  /** Sent as `Authorization: Bearer KEY`; null sends none. */
  readonly apiKey: string | null
  /** Longest time of one request, in milliseconds. */
  readonly timeoutMs: number
  /** Requests that may be in progress at the same time. */
  readonly concurrency: number
}

/** Statuses that ask to come again later. */
const RETRIED_STATUSES: ReadonlySet<number> = new Set([429, 503])
const MAX_RETRIES = 4
const MAX_RETRY_WAIT_MS = 30_000
/** A token with 256 top tokens takes some 8 kB, so this is room for 30,000 tokens of the largest answers. */
const MAX_BODY_BYTES = 256 * 2 ** 20

/** Sends requests, never more than `concurrency` at the same time. */
export class PeerTransport {
  readonly #options: TransportOptions
  readonly #waiting: (() => void)[] = []
  #running = 0
  #requestCount = 0

  constructor(options: TransportOptions) {
    // The error of fetch about a bad header would contain the key.
    if (options.apiKey !== null && !/^[\x21-\x7e]+$/.test(options.apiKey))
      throw new ServiceError('configuration_invalid', 'the API key of the server must be one word of ASCII characters')
    this.#options = options
  }

  /** Requests sent so far, repeated ones included. */
  get requestCount(): number {
    return this.#requestCount
  }

  /** The body of a response with status 2xx. `body` null sends a GET. */
  async send(url: string, body: unknown, signal?: AbortSignal): Promise<string> {
    await this.#enter()
    try {
      for (let retries = 0; ; retries++) {
        signal?.throwIfAborted()
        const { status, text, retryAfterMs } = await this.#exchange(url, body, signal)
        if (status >= 200 && status < 300) return text
        if (!RETRIED_STATUSES.has(status) || retries === MAX_RETRIES) throw new PeerError('refused', refusal(url, status, text), { status })
        await pause(Math.min(MAX_RETRY_WAIT_MS, retryAfterMs ?? 500 * 2 ** retries), undefined, { ...(signal === undefined ? {} : { signal }) })
      }
    } finally {
      this.#leave()
    }
  }

  async #exchange(url: string, body: unknown, signal?: AbortSignal): Promise<{ status: number; text: string; retryAfterMs: number | null }> {
    const { apiKey, timeoutMs } = this.#options
    const timeout = AbortSignal.timeout(timeoutMs)
    this.#requestCount++
    try {
      const response = await fetch(url, {
        method: body === null ? 'GET' : 'POST',
        headers: {
          accept: 'application/json',
          ...(body === null ? {} : { 'content-type': 'application/json' }),
          ...(apiKey === null ? {} : { authorization: `Bearer ${apiKey}` })
        },
        // A redirect could carry the key elsewhere, or turn the request into a GET.
        redirect: 'manual',
        ...(body === null ? {} : { body: JSON.stringify(body) }),
        signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal])
      })
      const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
      return { status: response.status, text: await bodyOf(response, url), retryAfterMs: Number.isFinite(seconds) ? Math.max(0, seconds * 1000) : null }
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof PeerError) throw error
      if (timeout.aborted) throw new PeerError('unreachable', `${url} gave no whole response within ${timeoutMs} ms: raise the time limit`, { cause: error })
      const { message = '' } = error instanceof Error && error.cause instanceof Error ? error.cause : {}
      throw new PeerError('unreachable', `${url} cannot be reached${message === '' ? '' : ` (${message})`}: check the address, and that the server runs`, {
        cause: error
      })
    }
  }

  async #enter(): Promise<void> {
    if (this.#running < this.#options.concurrency) this.#running++
    // The place of a request that ends goes to the next one.
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  #leave(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#running--
    else next()
  }
}

/** The text of a body. A server that never ends one must not fill the memory. */
async function bodyOf(response: Response, url: string): Promise<string> {
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  for await (const chunk of response.body ?? []) {
    sizeBytes += chunk.byteLength
    if (sizeBytes > MAX_BODY_BYTES) throw new PeerError('invalid', `${url} sent more than ${MAX_BODY_BYTES} bytes: send fewer or shorter prompts`)
    chunks.push(chunk)
  }
  return new TextDecoder().decode(Buffer.concat(chunks))
}

function refusal(url: string, status: number, body: string): string {
  const advice =
    status === 401 || status === 403
      ? '; name the environment variable that holds the API key'
      : status === 404 || status === 405
        ? '; check the URL and the model'
        : status >= 300 && status < 400
          ? '; give the address that it redirects to'
          : ''
  return `${url} answered with status ${status}: ${errorTextOf(body)}${advice}`
}
