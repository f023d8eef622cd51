import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'
import type { Metrics } from '../../observability/metrics.ts'

const REQUEST_ID = /^[\w.-]{1,64}$/
/** version-traceid-parentid-flags, W3C Trace Context level 1. */
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

/** The client's request id when it is safe to log and to return; otherwise a new one. */
export function requestIdOf({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID()
}

/** Returns the ids of each request, logs one line and counts it. Never logs a body or a query string. */
export function registerRequestContext(app: FastifyInstance, metrics: Metrics, isDraining: () => boolean): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id)
    const traceparent = request.headers.traceparent
    if (typeof traceparent === 'string' && TRACEPARENT.test(traceparent)) reply.header('traceparent', traceparent)
    done()
  })
  app.addHook('onSend', (_, reply, payload, done) => {
    // Otherwise `close()` waits for idle keep-alive connections to time out.
    if (isDraining()) reply.header('connection', 'close')
    done(null, payload)
  })
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'unknown'
    metrics.requests.inc({ route, method: request.method, status: reply.statusCode })
    metrics.requestSeconds.observe({ route }, reply.elapsedTime / 1000)
    const fields = { route, method: request.method, status: reply.statusCode, durationMs: Math.round(reply.elapsedTime * 10) / 10 }
    if (/^\/(?:v\d|rerank)/.test(route)) request.log.info(fields, 'answered')
    else request.log.debug(fields, 'answered')
    done()
  })
}
