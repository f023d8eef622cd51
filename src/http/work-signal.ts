import type { FastifyReply, FastifyRequest } from 'fastify'
import { ServiceError } from '../errors.ts'

/** Time a response needs to get back to a client that set the deadline, milliseconds. */
const NETWORK_MARGIN_MS = 100

/** The signal of a request, which the scheduler asks for the time that is left; `deadlineAtMs` in milliseconds of `performance.now()`. */
export type DeadlineSignal = AbortSignal & { readonly deadlineAtMs: number }

/**
 * Aborts when the client leaves before it has its answer, or when the deadline passes; the reason is a ServiceError.
 *
 * Not `request.signal`: for a request with a body it aborts as soon as the body is read (fastify/fastify#6725).
 */
export function workSignal(request: FastifyRequest, reply: FastifyReply, longestMs: number): DeadlineSignal {
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
  return Object.assign(work.signal, { deadlineAtMs })
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
