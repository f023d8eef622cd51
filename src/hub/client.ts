import { ServiceError } from '../errors.ts'
import { LOGPR_VERSION } from '../process/package-info.ts'
import type { OnPullEvent } from './pull-progress.ts'
import { describeSubject, responseError, type Subject } from './response-error.ts'
import { assertUsable, type HubSettings, type HubTiming } from './settings.ts'
import { retried, TransientFailure } from './transient.ts'

const MAX_REDIRECTS = 8
/** Larger than the listing of any repository. */
const MAX_JSON_BYTES = 1 << 26

/** A response with status 2xx or 416 whose body has not been read. */
export interface HubResponse {
  readonly status: number
  readonly headers: Headers
  /**
   * A header of the first response in the redirect chain that has it: the hub describes a file, the storage only sends
   * it.
   */
  firstHeader(name: string): string | null
  /** Throws a `TransientFailure` when nothing arrives for too long. */
  readonly chunks: AsyncIterable<Uint8Array>
  /** Discards the rest of the body. */
  close(): Promise<void>
}

/** Sends requests to the hub, with redirects, token, time limits and errors handled. */
export class HubClient {
  readonly settings: HubSettings
  readonly signal: AbortSignal
  readonly onEvent: OnPullEvent

  /** Throws `configuration_invalid` when the endpoint or the token cannot be used. */
  constructor(settings: HubSettings, onEvent: OnPullEvent, signal: AbortSignal) {
    assertUsable(settings)
    this.settings = settings
    this.onEvent = onEvent
    this.signal = signal
  }

  /** The same client with other time limits. */
  withTiming(timing: HubTiming): HubClient {
    return new HubClient({ ...this.settings, timing }, this.onEvent, this.signal)
  }

  subject(repository: string, revision: string, file: string | null): Subject {
    return { repository, revision, file, endpoint: this.settings.endpoint, hasToken: this.settings.token !== null }
  }

  /** Repeats an attempt, with the tries and pauses of the settings. */
  retried<T>(attempt: () => Promise<T>, subject: Subject, hasAdvanced?: () => boolean): Promise<T> {
    const { timing } = this.settings
    const onRetry = (reason: string, pauseMs: number): void => this.onEvent({ kind: 'retry', subject: subject.file ?? subject.repository, reason, pauseMs })
    return retried(attempt, { timing, signal: this.signal, subject: describeSubject(subject), onRetry }, hasAdvanced)
  }

  /** A `fetch` for the hub's library: returns complete JSON with status 200, and throws what `open` throws. */
  fetchFor(subject: Subject): typeof fetch {
    return (input) =>
      this.retried(async () => {
        const response = await this.open(String(input instanceof Request ? input.url : input), {}, subject)
        const text = await wholeText(response)
        try {
          JSON.parse(text)
        } catch {
          throw notAHub(subject)
        }
        const headers = new Headers({ 'content-type': 'application/json' })
        const link = response.headers.get('link')
        if (link !== null) headers.set('link', link)
        return new Response(text, { headers })
      }, subject)
  }

  /** Sends one GET and follows redirects. Throws a `TransientFailure` when a retry may help, else a `ServiceError`. */
  async open(url: string, headers: Readonly<Record<string, string>>, subject: Subject): Promise<HubResponse> {
    const passed: Headers[] = []
    let target = new URL(url)
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const limit = new TimeLimit(this.signal, this.settings.timing.answerTimeoutMs)
      const response = await this.#get(target, headers, limit)
      passed.push(response.headers)
      const location = response.headers.get('location')
      if (response.status >= 300 && response.status < 400 && location !== null) {
        await closed(response, limit)
        target = redirectedTo(location, target, subject)
        continue
      }
      if (!response.ok) {
        await closed(response, limit)
        if (response.status !== 416)
          throw responseError({ status: response.status, headers: response.headers, isHub: this.#isHub(target), host: target.host }, subject)
      }
      return {
        status: response.status,
        headers: response.headers,
        firstHeader: (name) => passed.find((candidate) => candidate.has(name))?.get(name) ?? null,
        chunks: response.ok ? this.#chunksOf(response, limit, target.host) : nothing(),
        close: () => closed(response, limit)
      }
    }
    throw new ServiceError('hub_unreachable', `${describeSubject(subject)}: more than ${MAX_REDIRECTS} redirects in a row; check HF_ENDPOINT and the proxy`)
  }

  async #get(target: URL, headers: Readonly<Record<string, string>>, limit: TimeLimit): Promise<Response> {
    const { token } = this.settings
    const authorization = token !== null && this.#isHub(target) ? { authorization: `Bearer ${token}` } : {}
    try {
      // Byte ranges refer to the file itself, so the response must not be compressed.
      return await fetch(target, {
        redirect: 'manual',
        signal: limit.signal,
        headers: { ...headers, ...authorization, 'accept-encoding': 'identity', 'user-agent': `logpr/${LOGPR_VERSION}` }
      })
    } catch (error) {
      limit.end()
      this.signal.throwIfAborted()
      throw new TransientFailure(`${target.host}: ${reasonOf(error)}`, { cause: error })
    }
  }

  async *#chunksOf(response: Response, limit: TimeLimit, host: string): AsyncGenerator<Uint8Array> {
    const { stallTimeoutMs } = this.settings.timing
    try {
      limit.renew(stallTimeoutMs)
      for await (const chunk of response.body ?? []) {
        // The time limit does not include the caller's work on a chunk.
        limit.end()
        yield chunk
        limit.renew(stallTimeoutMs)
      }
    } catch (error) {
      this.signal.throwIfAborted()
      throw new TransientFailure(`${host}: ${reasonOf(error)}`, { cause: error })
    } finally {
      limit.end()
    }
  }

  #isHub(target: URL): boolean {
    return target.origin === new URL(this.settings.endpoint).origin
  }
}

/** Aborts unless renewed in time, or when the caller's signal aborts. */
class TimeLimit {
  readonly #controller = new AbortController()
  readonly signal: AbortSignal
  #timer: NodeJS.Timeout

  constructor(signal: AbortSignal, ms: number) {
    this.signal = AbortSignal.any([signal, this.#controller.signal])
    this.#timer = this.#start(ms)
  }

  renew(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = this.#start(ms)
  }

  end(): void {
    clearTimeout(this.#timer)
  }

  #start(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#controller.abort(new Error(`nothing arrived for ${ms / 1000} s`)), ms)
  }
}

async function closed(response: Response, limit: TimeLimit): Promise<void> {
  limit.end()
  // The connection is given up: that it was lost already changes nothing.
  await response.body?.cancel().catch(() => {})
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

function redirectedTo(location: string, from: URL, subject: Subject): URL {
  const target = URL.canParse(location, from.href) ? new URL(location, from) : null
  if (target !== null && (target.protocol === 'https:' || (target.protocol === 'http:' && from.protocol === 'http:'))) return target
  throw new ServiceError('hub_unreachable', `${describeSubject(subject)}: ${from.host} redirects to a URL that is not https; check HF_ENDPOINT and the proxy`)
}

async function wholeText({ chunks }: HubResponse): Promise<string> {
  const parts: Uint8Array[] = []
  let sizeBytes = 0
  for await (const chunk of chunks) {
    sizeBytes += chunk.length
    if (sizeBytes > MAX_JSON_BYTES) throw new ServiceError('hub_unreachable', `a response of the hub has more than ${MAX_JSON_BYTES} bytes; check HF_ENDPOINT`)
    parts.push(chunk)
  }
  return Buffer.concat(parts).toString('utf8')
}

/** The error for a web page instead of the requested content, as captive portals and proxies send. */
export function notAHub(subject: Subject): ServiceError {
  return new ServiceError(
    'hub_unreachable',
    `${describeSubject(subject)}: the response is a web page, not the hub's; check for a proxy or network login page, and that HF_ENDPOINT is a hub`
  )
}

/** The cause of undici's `fetch failed`. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error as { cause?: { code?: string; message?: string } }
  if (cause?.code === 'UND_ERR_SOCKET') return 'the connection was closed'
  return cause?.code ?? cause?.message ?? error.message
}
