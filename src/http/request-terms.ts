import type { FastifyReply, FastifyRequest } from 'fastify'
import { hashOfKey } from '../config/api-keys.ts'
import { ServiceError } from '../errors.ts'

/** For whom a request is scored and for how long: the `WorkTerms` of the scheduler, with nothing left out. */
export interface RequestTerms {
  /** Aborts when the client leaves or the deadline passes. */
  readonly signal: AbortSignal
  /** In milliseconds of `performance.now()`. */
  readonly deadlineAtMs: number
  /** Identifies the client, so that the scheduler can take turns between clients. */
  readonly client: string
  readonly priority: 'interactive' | 'batch'
}

export interface TermsSettings {
  /** The service's own deadline, which a request can only shorten. */
  readonly longestMs: number
  /** Whether the route requires an API key; then the key identifies the client. */
  readonly hasKeys: boolean
}

/**
 * Starts the deadline of a request. The abort reason of the signal is a ServiceError.
 * Throws `invalid_request` when the header x-priority has an unknown value.
 *
 * Does not use `request.signal`: with a body it aborts as soon as the body has been read (fastify/fastify#6725).
 */
export function requestTermsOf(request: FastifyRequest, reply: FastifyReply, { longestMs, hasKeys }: TermsSettings): RequestTerms {
  const client = clientOf(request, hasKeys)
  const priority = priorityOf(request)
  const controller = new AbortController()
  const deadlineMs = deadlineOf(request, longestMs)
  const deadlineAtMs = performance.now() + deadlineMs
  const timer = setTimeout(() => controller.abort(deadlineExceeded(deadlineMs)), deadlineMs)
  const onClose = (): void => {
    clearTimeout(timer)
    if (!reply.raw.writableEnded) controller.abort(new ServiceError('client_closed_request', 'the client closed the connection before the response was sent'))
  }
  if (reply.raw.destroyed) onClose()
  else reply.raw.once('close', onClose)
  return { signal: controller.signal, deadlineAtMs, client, priority }
}

function deadlineExceeded(deadlineMs: number): ServiceError {
  return new ServiceError('deadline_exceeded', `the request took longer than its deadline of ${deadlineMs} ms; send fewer items or allow more time`)
}

/**
 * The hash of the API key, or the address of the connection where no key is required. Other headers are ignored: a
 * client that chose a new name for every request would get every turn.
 */
export function clientOf({ headers, socket }: Pick<FastifyRequest, 'headers' | 'socket'>, hasKeys: boolean): string {
  if (!hasKeys) return socket.remoteAddress ?? ''
  const key = headers.authorization?.replace(/^Bearer\s+/i, '') ?? ''
  return hashOfKey(key).toString('base64')
}

function priorityOf({ headers }: FastifyRequest): RequestTerms['priority'] {
  const given = headers['x-priority'] ?? 'interactive'
  if (given === 'interactive' || given === 'batch') return given
  throw new ServiceError('invalid_request', 'the header x-priority must be interactive or batch; omit it for interactive', { param: 'x-priority' })
}

/** Time that the response needs to reach the client before the client's own deadline, in milliseconds. */
const NETWORK_MARGIN_MS = 100

/** The shortest of the service's deadline and those that the client or a gateway sends, in milliseconds. */
function deadlineOf({ headers }: FastifyRequest, longestMs: number): number {
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
