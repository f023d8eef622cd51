import type { IncomingMessage } from 'node:http'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type ErrorCode, ServiceError, serviceErrorFrom } from '../../errors.ts'
import { fieldName } from '../../json/guard.ts'
import { problemHeaders, problemOf } from '../problem.ts'

/** Fastify's own errors by their code, as ours. */
const CODE_BY_FASTIFY_CODE: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'invalid_request',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'invalid_json',
  FST_ERR_BAD_URL: 'not_found',
  FST_ERR_ASYNC_CONSTRAINT: 'internal_error'
}

const MESSAGE_BY_CODE: Readonly<Partial<Record<ErrorCode, string>>> = {
  unsupported_media_type: 'send the body as JSON, with the header content-type: application/json',
  body_too_large: 'the body is larger than this service takes (max-body-bytes); send fewer items at once'
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

/** Every failure leaves as one body; what is unexpected is logged with its cause and told without it. */
export function registerErrorHandler(app: FastifyInstance): void {
  app.setErrorHandler(async (thrown: unknown, request, reply) => {
    const error = toServiceError(thrown as FastifyError)
    // Refused before the body was read.
    if (error.code === 'body_too_large' || error.code === 'too_many_requests') await drainBody(request.raw)
    return sendProblem(error, request, reply)
  })
  app.setNotFoundHandler((request, reply) => {
    const url = request.url.split('?', 1)[0] ?? ''
    const allowed = METHODS.filter((method) => app.hasRoute({ method, url }))
    if (allowed.length === 0) return sendProblem(new ServiceError('not_found', 'no endpoint has this path; GET /docs lists them all'), request, reply)
    reply.header('allow', allowed.join(', '))
    return sendProblem(new ServiceError('method_not_allowed', `this endpoint takes ${allowed.join(', ')}`), request, reply)
  })
}

function sendProblem(error: ServiceError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = problemOf(error, request.id)
  if (problem.status >= 500) request.log.error({ code: error.code, reason: error.message, err: error.cause }, 'request failed')
  return reply.code(problem.status).headers(problemHeaders(error)).send(JSON.stringify(problem))
}

/** Whatever a route or Fastify threw, as one of ours. */
export function toServiceError(thrown: FastifyError): ServiceError {
  if (thrown.validation !== undefined) return validationError(thrown)
  const code = CODE_BY_FASTIFY_CODE[thrown.code]
  if (code !== undefined) return new ServiceError(code, MESSAGE_BY_CODE[code] ?? thrown.message)
  if (thrown.code?.startsWith('FST_BEARER_AUTH')) return new ServiceError('unauthorized', 'send a valid key as `Authorization: Bearer KEY`')
  return serviceErrorFrom(thrown)
}

/** Ajv's first finding, with the path of the field and never its value. */
function validationError({ validation, validationContext }: FastifyError): ServiceError {
  const [first] = validation ?? []
  const path = first?.instancePath.slice(1) ?? ''
  const extra = first?.params.additionalProperty ?? first?.params.missingProperty
  const param = [path, typeof extra === 'string' ? fieldName(extra) : ''].filter((part) => part !== '').join('/')
  const allowed = Array.isArray(first?.params.allowedValues) ? `: ${first.params.allowedValues.join(', ')}` : ''
  const where = param === '' ? `the ${validationContext ?? 'body'}` : param
  const what =
    first?.keyword === 'additionalProperties'
      ? 'is not a field of this request'
      : first?.keyword === 'required'
        ? 'is missing'
        : `${(first?.message ?? 'is invalid').replace('string,array', 'a text or an array')}${allowed}`
  return new ServiceError('invalid_request', `${where} ${what}`, { param })
}

/** A client that sends more than this after it was refused does not get to read why. */
const MAX_DRAINED_BYTES = 64 << 20

/**
 * Reads and drops what is left of a body, so that a refusal can be read: answering and closing while the client still
 * sends resets the connection, and the answer is lost with it. The body's time limit goes on counting.
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
