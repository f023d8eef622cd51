import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ServiceError } from '../../errors.ts'
import type { OpenConnections } from '../open-connections.ts'
import { sendProblem } from './error-handler.ts'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

/** Node keeps the first of several; a gateway may have looked at another one. */
const SINGLE_HEADERS: ReadonlySet<string> = new Set(['host', 'authorization', 'content-type', 'content-encoding', 'expect'])

/** uri-host [":" port] of RFC 9110; empty when the target has no authority. */
const HOST = /^(?:\[[0-9a-f:.]+\]|[\w.~!$&'()*+,;=%-]*)(?::\d{0,5})?$/i
/** origin-form or absolute-form of RFC 9112, without the fragment that a client must not send. */
const TARGET = /^(?:https?:\/\/[^/?#]+)?(?:\/[^#]*|\?[^#]*)?$/i

/**
 * Rejects requests whose framing or target different HTTP implementations read differently, before their body is read.
 * `100 Continue` is sent only to requests that pass.
 */
export function registerHttpProtocol(app: FastifyInstance, connections: Pick<OpenConnections, 'refusalOf'>): void {
  app.addHook('onRequest', async (request, reply) => {
    const refusal = connections.refusalOf(request.raw)
    const fault = refusal ?? faultOf(request.raw)
    if (fault !== undefined) {
      // What follows on the connection may not be where it seems to be.
      reply.header('connection', 'close')
      throw fault
    }
    const { expect } = request.headers
    if (expect !== undefined && !isContinue(expect))
      throw new ServiceError('expectation_failed', 'the header expect has a value other than 100-continue, which is not supported; omit it')
  })
  app.addHook('preParsing', async (request, reply, payload) => {
    if (isContinue(request.headers.expect) && request.raw.httpVersion === '1.1') reply.raw.writeContinue()
    return payload
  })
}

/** Rejects requests to unknown paths, and other methods than those of a path, before their body is read. */
export function registerUnknownPaths(app: FastifyInstance, basePath = ''): void {
  const refusal = (request: FastifyRequest, reply: FastifyReply): ServiceError => notFound(app, request, reply, `GET ${basePath}/docs lists all endpoints`)
  app.addHook('onRequest', async (request, reply) => {
    // The handler for unknown paths would run only after the body. Where CORS is on, a route takes all OPTIONS.
    if (request.is404 || request.method === 'OPTIONS') throw refusal(request, reply)
  })
  // Routes for files call it.
  app.setNotFoundHandler((request, reply) => sendProblem(refusal(request, reply), request, reply))
}

function isContinue(expect: string | undefined): boolean {
  return expect?.toLowerCase() === '100-continue'
}

function notFound(app: FastifyInstance, { url }: FastifyRequest, reply: FastifyReply, advice: string): ServiceError {
  const path = url.split('?', 1)[0] ?? ''
  // `hasRoute` reads its url as a pattern of routes, and its error would quote it.
  const allowed = /[:*]/.test(path) ? [] : METHODS.filter((method) => app.hasRoute({ method, url: path }))
  if (allowed.length === 0) return new ServiceError('not_found', `no endpoint has this path; ${advice}`)
  reply.header('allow', allowed.join(', '))
  return new ServiceError('method_not_allowed', `this endpoint supports only ${allowed.join(', ')}`)
}

/** Why HTTP implementations could disagree about a request, or undefined. */
function faultOf({ httpVersion, url = '', method, headers, rawHeaders }: IncomingMessage): ServiceError | undefined {
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return invalid('the request is neither HTTP/1.1 nor HTTP/1.0')
  if (!TARGET.test(url) && !(url === '*' && method === 'OPTIONS')) return invalid('the request target is not a path; percent-encode # as %23')
  const names = rawHeaders.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase())
  const repeated = names.find((name, i) => SINGLE_HEADERS.has(name) && names.indexOf(name) < i)
  if (repeated !== undefined) return invalid(`the header ${repeated} occurs more than once; send it once`)
  if (headers.host === undefined && httpVersion === '1.1') return invalid('the header host is missing; HTTP/1.1 requires it')
  if (headers.host !== undefined && !HOST.test(headers.host)) return invalid('the header host is not a host name or address with an optional port')
  const coding = headers['transfer-encoding']
  if (coding === undefined) return undefined
  if (httpVersion === '1.0') return invalid('HTTP/1.0 has no transfer-encoding; send content-length')
  return coding.toLowerCase() === 'chunked' ? undefined : invalid('the transfer-encoding is not supported; send chunked or content-length')
}

function invalid(message: string): ServiceError {
  return new ServiceError('invalid_request', message)
}
