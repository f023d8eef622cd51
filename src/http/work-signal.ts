import type { FastifyReply, FastifyRequest } from 'fastify'
import { hashOfKey } from '../config/api-keys.ts'
import { ServiceError } from '../errors.ts'

/** Time a response needs to get back to a client that set the deadline, milliseconds. */
const NETWORK_MARGIN_MS = 100

/** What the scheduler asks of the work of a request. */
export interface RequestTerms {
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal
  /** In milliseconds of `performance.now()`. */
  readonly deadlineAtMs: number
  /** Whose requests take turns with those of others. */
  readonly client: string
  readonly priority: 'interactive' | 'batch'
}

/** What the service says of all requests. */
export interface SignalSettings {
  readonly longestMs: number
  /** Whether every request has shown one of the service's API keys. */
  readonly hasKeys: boolean
}

/**
 * The signal aborts when the client leaves before it has its answer, or when the deadline passes; the reason is a
 * ServiceError.
 * Throws `invalid_request` for a priority that there is not.
 *
 * Not `request.signal`: for a request with a body it aborts as soon as the body is read (fastify/fastify#6725).
 */
export function workTerms(request: FastifyRequest, reply: FastifyReply, { longestMs, hasKeys }: SignalSettings): RequestTerms {
  const terms = { client: clientOf(request, hasKeys), priority: priorityOf(request) }
  const work = new AbortController()
  const deadlineMs = deadlineOf(request, longestMs)
  const deadlineAtMs = performance.now() + deadlineMs
  const timer = setTimeout(() => work.abort(new ServiceError('deadline_exceeded', `the request was not done within ${deadlineMs} ms`)), deadlineMs)
  const leave = (): void => {
    clearTimeout(timer)
    if (!reply.raw.writableEnded) work.abort(new ServiceError('client_closed_request', 'the client closed the connection'))
  }
  if (reply.raw.destroyed) leave()
  else reply.raw.once('close', leave)
  return { signal: work.signal, deadlineAtMs, ...terms }
}

/**
 * The API key, by its hash, or else the address that the connection comes from. Headers that anybody can write are not
 * looked at: a client that names itself anew with every request would have every turn.
 */
function clientOf({ headers, socket }: FastifyRequest, hasKeys: boolean): string {
  if (!hasKeys) return socket.remoteAddress ?? ''
  const key = headers.authorization?.replace(/^Bearer\s+/i, '') ?? ''
  return hashOfKey(key).toString('base64')
}

function priorityOf({ headers }: FastifyRequest): RequestTerms['priority'] {
  const given = headers['x-priority'] ?? 'interactive'
  if (given === 'interactive' || given === 'batch') return given
  throw new ServiceError('invalid_request', 'the header x-priority must be interactive or batch; leave it out for interactive', { param: 'x-priority' })
}

/** The shortest of the service's own limit and those that the client and a gateway name, in milliseconds. */
function deadlineOf({ headers }: FastifyRequest, longestMs: number): number {
  const named = [
    milliseconds(headers['x-request-timeout-ms'], 1),
    milliseconds(headers['x-envoy-expected-rq-timeout-ms'], 1),
    milliseconds(headers['x-stainless-timeout'], 1000),
    milliseconds(headers['x-stainless-read-timeout'], 1000)
  ].filter((value) => value !== null)
  const wanted = Math.min(longestMs, ...named)
  return Math.max(1, wanted > 2 * NETWORK_MARGIN_MS ? wanted - NETWORK_MARGIN_MS : wanted)
}

function milliseconds(header: string | string[] | undefined, unitMs: number): number | null {
  const value = Number(header) * unitMs
  return header !== undefined && Number.isFinite(value) && value > 0 ? value : null
}
