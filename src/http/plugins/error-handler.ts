import type { IncomingMessage } from 'node:http'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type ErrorCode, ServiceError, serviceErrorFrom } from '../../errors.ts'
import { fieldName } from '../../json/structure.ts'
import { problemHeaders, problemOf } from '../problem.ts'

const CODE_BY_FASTIFY_CODE: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'invalid_request',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'invalid_json',
  FST_ERR_BAD_URL: 'not_found',
  FST_ERR_ASYNC_CONSTRAINT: 'internal_error'
}

const MESSAGE_BY_CODE: Readonly<Partial<Record<ErrorCode, string>>> = {
  unsupported_media_type: 'the body is not application/json; send JSON with the header content-type: application/json',
  body_too_large: 'the body exceeds the size limit (max-body-bytes); send fewer items per request'
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

/** Sends every error as a problem body. Unexpected errors are logged with their cause, which the response omits. */
export function registerErrorHandler(app: FastifyInstance): void {
  app.setErrorHandler(async (thrown: unknown, request, reply) => {
    const error = toServiceError(thrown as FastifyError)
    // These are thrown before the body was read.
    if (error.code === 'body_too_large' || error.code === 'too_many_requests') await drainBody(request.raw)
    return sendProblem(error, request, reply)
  })
  app.setNotFoundHandler((request, reply) => {
    const url = request.url.split('?', 1)[0] ?? ''
    const allowed = METHODS.filter((method) => app.hasRoute({ method, url }))
    if (allowed.length === 0) return sendProblem(new ServiceError('not_found', 'no endpoint has this path; GET /docs lists all endpoints'), request, reply)
    reply.header('allow', allowed.join(', '))
    return sendProblem(new ServiceError('method_not_allowed', `this endpoint supports only ${allowed.join(', ')}`), request, reply)
  })
}

function sendProblem(error: ServiceError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = problemOf(error, request.id)
  logFailure(error, problem.status, request)
  return reply.code(problem.status).headers(problemHeaders(error)).send(JSON.stringify(problem))
}

/** Logs an error with its cause if it is a failure of the service: `status` is 500 or above. */
export function logFailure({ code, message, cause }: ServiceError, status: number, { log }: FastifyRequest): void {
  if (status >= 500) log.error({ code, reason: message, err: cause }, 'request failed')
}

/** Converts an error of a route or of Fastify. */
export function toServiceError(thrown: FastifyError): ServiceError {
  if (thrown.validation !== undefined) return validationError(thrown)
  const code = CODE_BY_FASTIFY_CODE[thrown.code]
  if (code !== undefined) return new ServiceError(code, MESSAGE_BY_CODE[code] ?? thrown.message)
  if (thrown.code?.startsWith('FST_BEARER_AUTH'))
    return new ServiceError('unauthorized', 'the API key is missing or unknown; send one as `Authorization: Bearer KEY`')
  return serviceErrorFrom(thrown)
}

/** Ajv's first error, with the path of the field but never its value. */
function validationError({ validation, validationContext }: FastifyError): ServiceError {
  const [first] = validation ?? []
  const path = first?.instancePath.slice(1) ?? ''
  const property = first?.params.additionalProperty ?? first?.params.missingProperty
  const param = [path, typeof property === 'string' ? fieldName(property) : ''].filter((part) => part !== '').join('/')
  const allowed = Array.isArray(first?.params.allowedValues) ? `: ${first.params.allowedValues.join(', ')}` : ''
  const subject = param === '' ? `the ${validationContext ?? 'body'}` : param
  const finding =
    first?.keyword === 'additionalProperties'
      ? 'is not a field of this request'
      : first?.keyword === 'required'
        ? 'is missing'
        : `${(first?.message ?? 'is invalid').replace('string,array', 'a string or an array')}${allowed}`
  return new ServiceError('invalid_request', `${subject} ${finding}`, { param })
}

/** A client that still sends more than this may not get to read the error. */
const MAX_DRAINED_BYTES = 64 << 20

/**
 * Reads and discards the rest of a body, so that the client gets the error: closing the connection while the client
 * still sends resets it, and the response is lost. The time limit of the body still applies.
 */
function drainBody(request: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    if (request.complete || request.destroyed) return resolve()
    let drainedBytes = 0
    request.on('data', (chunk: Buffer) => {
      drainedBytes += chunk.length
      if (drainedBytes > MAX_DRAINED_BYTES) resolve()
    })
    for (const event of ['end', 'close', 'error']) request.once(event, () => resolve())
    request.resume()
  })
}
