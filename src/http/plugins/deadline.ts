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
}

/**
 * Starts a deadline with every request of this scope, counted from its arrival, and answers 504 when it passes,
 * whatever the route is waiting for. `longestMs` is the service's own deadline, which a request can only shorten.
 *
 * The time since the arrival is 0 unless the app has an onResponse hook, which `registerRequestContext` adds.
 *
 * Does not use `request.signal`: with a body it aborts as soon as the body has been read (fastify/fastify#6725).
 */
export function registerDeadline(app: FastifyInstance, longestMs: number): void {
  app.decorateRequest('deadline')
  app.addHook('onRequest', (request, reply, done) => {
    request.deadline = startDeadline(request, reply, longestMs)
    done()
  })
  app.addHook('onRoute', (route) => {
    const { handler } = route
    route.handler = async function (request, reply) {
      const { signal } = request.deadline
      signal.throwIfAborted()
      // What the handler does after the deadline is ignored: by then the work it waits for has been dropped.
      return Promise.race([handler.call(this, request, reply), rejectionOf(signal)])
    }
  })
}

function rejectionOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as ServiceError), { once: true }))
}

function startDeadline({ headers }: FastifyRequest, reply: FastifyReply, longestMs: number): Deadline {
  const controller = new AbortController()
  const deadlineMs = deadlineOf(headers, longestMs)
  const leftMs = deadlineMs - reply.elapsedTime
  const timer = setTimeout(() => controller.abort(deadlineExceeded(deadlineMs)), leftMs)
  const onClose = (): void => {
    clearTimeout(timer)
    if (!reply.raw.writableEnded) controller.abort(new ServiceError('client_closed_request', 'the client closed the connection before the response was sent'))
  }
  if (reply.raw.destroyed) onClose()
  else reply.raw.once('close', onClose)
  return { signal: controller.signal, atMs: performance.now() + leftMs }
}

function deadlineExceeded(deadlineMs: number): ServiceError {
  return new ServiceError('deadline_exceeded', `the request took longer than its deadline of ${deadlineMs} ms; send fewer items or allow more time`)
}

/** Time that the response needs to reach the client before the client's own deadline, in milliseconds. */
const NETWORK_MARGIN_MS = 100

/** The shortest of the service's deadline and those that the client or a gateway sends, in milliseconds. */
function deadlineOf(headers: FastifyRequest['headers'], longestMs: number): number {
  const fromHeaders = [
    millisecondsOf(headers['x-request-timeout-ms'], 1),
    millisecondsOf(headers['x-envoy-expected-rq-timeout-ms'], 1),
    millisecondsOf(headers['x-stainless-timeout'], 1000),
    millisecondsOf(headers['x-stainless-read-timeout'], 1000)
  ].filter((value) => value !== null)
  const shortest = Math.min(longestMs, ...fromHeaders)
  return Math.max(1, shortest > 2 * NETWORK_MARGIN_MS ? shortest - NETWORK_MARGIN_MS : shortest)
}

function millisecondsOf(header: string | string[] | undefined, unitMs: number): number | null {
  const value = Number(header) * unitMs
  return header !== undefined && Number.isFinite(value) && value > 0 ? value : null
}
