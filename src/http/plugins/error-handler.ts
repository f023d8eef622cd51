import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type ErrorCode, ServiceError, serviceErrorFrom } from '../../errors.ts'
import { invalidRequest } from '../invalid-request.ts'
import { problemHeaders, problemOf } from '../problem.ts'

const CODE_BY_FASTIFY_CODE: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'invalid_request',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'invalid_json',
  FST_ERR_BAD_URL: 'invalid_request',
  FST_ERR_ASYNC_CONSTRAINT: 'internal_error'
}

const MESSAGE_BY_FASTIFY_CODE: Readonly<Record<string, string>> = {
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'the body does not have the size that content-length announced',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'the body is empty; send a JSON object',
  FST_ERR_BAD_URL: 'the path is not valid percent-encoded UTF-8'
}

const MESSAGE_BY_CODE: Readonly<Partial<Record<ErrorCode, string>>> = {
  unsupported_media_type: 'the body is not application/json; send JSON with the header content-type: application/json',
  not_found: 'no file has this path; GET /docs lists all endpoints',
  body_too_large: 'the body exceeds the size limit (max-body-bytes); send fewer items per request'
}

/** Whether the connection of a request was closed because the request did not arrive in time. */
export type HasTimedOut = (socket: Socket) => boolean

/** Sends every error as a problem body. Unexpected errors are logged with their cause, which the response omits. */
export function registerErrorHandler(app: FastifyInstance, hasTimedOut: HasTimedOut = () => false): void {
  app.setErrorHandler(async (thrown: unknown, request, reply) => {
    const error = unfinishedRequest(request.raw, hasTimedOut) ?? toServiceError(thrown as FastifyError)
    await untilAnswerable(request)
    return sendProblem(error, request, reply)
  })
}

export function sendProblem(error: ServiceError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = problemOf(error, request.id)
  logFailure(error, problem.status, request)
  // Fastify wants to close, which would reset the connection while the client still sends. Node discards the rest of
  // the body instead, within the time limit of the body.
  if (request.raw.complete === false) reply.removeHeader('connection')
  return reply.code(problem.status).headers(problemHeaders(error)).send(JSON.stringify(problem))
}

/** For requests that reach no route, whose hooks do not run. */
export function sendFrameworkError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  reply.header('x-request-id', request.id)
  sendProblem(toServiceError(error), request, reply)
}

/** Logs an error with its cause if it is a failure of the service: `status` is 500 or above. */
export function logFailure({ code, message, cause }: ServiceError, status: number, { log }: FastifyRequest): void {
  if (status >= 500) log.error({ code, reason: message, err: cause }, 'request failed')
}

/** Converts an error of a route or of Fastify. */
export function toServiceError(thrown: FastifyError): ServiceError {
  if (thrown.validation !== undefined) return invalidRequest(thrown.validation[0], thrown.validationContext ?? 'body')
  if (thrown.code?.startsWith('FST_BEARER_AUTH'))
    return new ServiceError('unauthorized', 'the API key is missing or unknown; send one as `Authorization: Bearer KEY`')
  const code = CODE_BY_FASTIFY_CODE[thrown.code] ?? codeOfLibrary(thrown)
  if (code !== undefined)
    return new ServiceError(
      code,
      MESSAGE_BY_FASTIFY_CODE[thrown.code] ?? MESSAGE_BY_CODE[code] ?? 'the request has a condition or a range that this resource does not meet; omit it'
    )
  return serviceErrorFrom(thrown)
}

/** Client errors that plugins throw, such as those of static files, by their status. */
function codeOfLibrary({ statusCode }: FastifyError): ErrorCode | undefined {
  if (statusCode === undefined || statusCode < 400 || statusCode >= 500) return undefined
  return statusCode === 403 || statusCode === 404 ? 'not_found' : 'invalid_request'
}

/** The client left or was too slow, whatever the code that waited for its body made of that. */
function unfinishedRequest(raw: IncomingMessage, hasTimedOut: HasTimedOut): ServiceError | undefined {
  if (raw.complete !== false || !raw.destroyed) return undefined
  if (hasTimedOut(raw.socket)) return new ServiceError('request_timeout', 'the body did not arrive within the time limit (body-timeout-ms)')
  return new ServiceError('client_closed_request', 'the client closed the connection before it had sent the whole request')
}

/** A client that still sends more than this may not get to read the error. */
const MAX_DISCARDED_BYTES = 64 << 20

/**
 * Resolves at once, except for a client that closes its connection after this request and still sends its body: closing
 * while it sends resets the connection, and the response is lost. The time limit of the body still applies.
 */
function untilAnswerable({ raw, headers }: FastifyRequest): Promise<void> {
  const willClose = raw.httpVersion === '1.0' || /\bclose\b/i.test(headers.connection ?? '')
  return new Promise((resolve) => {
    if (raw.complete !== false || raw.destroyed || !willClose) return resolve()
    let discardedBytes = 0
    raw.on('data', (chunk: Buffer) => {
      discardedBytes += chunk.length
      if (discardedBytes > MAX_DISCARDED_BYTES) resolve()
    })
    for (const event of ['end', 'close', 'error']) raw.once(event, () => resolve())
    raw.resume()
  })
}
