import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ServiceError } from '../../errors.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** When the request has to be answered, on routes that compute something. */
    deadline: Deadline
  }
}

interface Deadline {
  /** Aborts when the client leaves or the deadline passes; the reason is a ServiceError. */
  readonly signal: AbortSignal
  /** In milliseconds of `performance.now()`. */
  readonly atMs: number
  /** Whether the request itself sets the deadline. It then holds for the whole response, also for a stream. */
  readonly isOfRequest: boolean
  /**
   * For a response that is a stream: from now on the stream reports the end of the deadline itself. The returned
   * function starts the deadline of the service anew; the stream calls it whenever it makes progress.
   */
  follow(): () => void
}

export interface DeadlineSettings {
  /** The deadline of the service, which a request can only shorten. */
  readonly longestMs: number
  /** While the service stops, the deadline of a stream is not moved any more. */
  readonly isDraining?: () => boolean
}

/**
 * Starts a deadline with every request of this scope, counted from its arrival, and answers 504 when it passes,
 * whatever the route is waiting for. Rejects a malformed x-request-timeout-ms with `invalid_request`.
 *
 * The time since the arrival is 0 unless the app has an onResponse hook, which `registerRequestContext` adds.
 *
 * Does not use `request.signal`: with a body it aborts as soon as the body has been read (fastify/fastify#6725).
 */
export function registerDeadline(app: FastifyInstance, settings: DeadlineSettings): void {
  app.decorateRequest('deadline')
  app.addHook('onRequest', async (request, reply) => {
    request.deadline = new RequestDeadline(request, reply, settings)
  })
  app.addHook('onRoute', (route) => {
    const { handler } = route
    route.handler = async function (request, reply) {
      const { deadline } = request
      deadline.signal.throwIfAborted()
      // What the handler does after the deadline is ignored: by then the work it waits for has been dropped.
      return Promise.race([handler.call(this, request, reply), rejectionOf(deadline)])
    }
  })
}

class RequestDeadline implements Deadline {
  readonly isOfRequest: boolean
  /** Whether a stream has begun, which no error can replace. */
  isFollowed = false
  readonly #controller = new AbortController()
  readonly #isDraining: () => boolean
  readonly #deadlineMs: number
  #timer: NodeJS.Timeout
  #atMs: number

  constructor({ headers }: FastifyRequest, reply: FastifyReply, { longestMs, isDraining = () => false }: DeadlineSettings) {
    this.#isDraining = isDraining
    const requestedMs = requestedDeadlineMs(headers)
    this.isOfRequest = requestedMs < longestMs
    this.#deadlineMs = withoutMargin(Math.min(longestMs, requestedMs))
    const leftMs = this.#deadlineMs - reply.elapsedTime
    this.#atMs = performance.now() + leftMs
    this.#timer = this.#start(leftMs)
    if (reply.raw.destroyed) this.#close(reply)
    else reply.raw.once('close', () => this.#close(reply))
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  get atMs(): number {
    return this.#atMs
  }

  follow(): () => void {
    this.isFollowed = true
    return () => {
      if (this.isOfRequest || this.signal.aborted || this.#isDraining()) return
      this.#atMs = performance.now() + this.#deadlineMs
      this.#timer.refresh()
    }
  }

  #start(ms: number): NodeJS.Timeout {
    return setTimeout(() => {
      const leftMs = this.#atMs - performance.now()
      // `refresh` repeats the first interval, which is shorter than the deadline.
      if (leftMs > 1) this.#timer = this.#start(leftMs)
      else this.#controller.abort(deadlineExceeded(this.#deadlineMs, this.isFollowed && !this.isOfRequest))
    }, ms)
  }

  #close({ raw }: FastifyReply): void {
    clearTimeout(this.#timer)
    if (!raw.writableEnded) this.#controller.abort(new ServiceError('client_closed_request', 'the client closed the connection before the response was sent'))
  }
}

/** Never settles for a stream that has begun: its lines carry the error. */
function rejectionOf(deadline: Deadline): Promise<never> {
  const { signal } = deadline
  const isFollowed = (): boolean => deadline instanceof RequestDeadline && deadline.isFollowed
  return new Promise((_, reject) => signal.addEventListener('abort', () => isFollowed() || reject(signal.reason as ServiceError), { once: true }))
}

function deadlineExceeded(deadlineMs: number, isStalled: boolean): ServiceError {
  const what = isStalled ? 'the stream made no progress for' : 'the request took longer than its deadline of'
  return new ServiceError('deadline_exceeded', `${what} ${deadlineMs} ms; send fewer items or allow more time`)
}

/** Time that the response needs to reach the client before the client's own deadline, in milliseconds. */
const NETWORK_MARGIN_MS = 100

function withoutMargin(deadlineMs: number): number {
  return Math.max(1, deadlineMs > 2 * NETWORK_MARGIN_MS ? deadlineMs - NETWORK_MARGIN_MS : deadlineMs)
}

/** The shortest of the deadlines that the client and a gateway send, in milliseconds; Infinity without one. */
function requestedDeadlineMs(headers: FastifyRequest['headers']): number {
  const own = headers['x-request-timeout-ms']
  const ownMs = millisecondsOf(own, 1)
  if (own !== undefined && ownMs === null)
    throw new ServiceError('invalid_request', 'the header x-request-timeout-ms must be a number of milliseconds above 0; correct or omit it', {
      param: 'x-request-timeout-ms'
    })
  const fromOthers = [
    millisecondsOf(headers['x-envoy-expected-rq-timeout-ms'], 1),
    millisecondsOf(headers['x-stainless-timeout'], 1000),
    millisecondsOf(headers['x-stainless-read-timeout'], 1000)
  ]
  return Math.min(...[ownMs, ...fromOthers].filter((value) => value !== null))
}

/** Null for what is no positive number. Other programs add the headers that are read leniently. */
function millisecondsOf(header: string | string[] | undefined, unitMs: number): number | null {
  const value = Number(header) * unitMs
  return header !== undefined && Number.isFinite(value) && value > 0 ? value : null
}
