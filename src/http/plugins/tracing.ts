import type { Span } from '@opentelemetry/api'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Tracing } from '../../observability/spans.ts'

/**
 * Makes a span of each request, and one of the serialization of its response. Probes have none: they come every second.
 */
export function registerTracing(app: FastifyInstance, tracing: Tracing): void {
  const requests = new WeakMap<FastifyRequest, Span>()
  const serializing = new WeakMap<FastifyRequest, Span>()
  app.addHook('onRequest', (request, _, done) => {
    const route = request.routeOptions.url
    if (route !== undefined && /^\/(?:v\d|rerank|tokenize|detokenize)/.test(route)) {
      const { traceparent } = request.headers
      const span = tracing.startRequest(request.method, route, typeof traceparent === 'string' ? traceparent : undefined)
      span.setAttribute('logpr.request_id', request.id)
      requests.set(request, span)
    }
    done()
  })
  // Not in onRequest: the events of a body's stream run outside of the hooks' asynchronous context.
  app.addHook('preHandler', (request, _, done) => {
    const span = requests.get(request)
    if (span === undefined) done()
    else tracing.within(span, done)
  })
  app.addHook('preSerialization', (request, _, payload, done) => {
    const span = requests.get(request)
    if (span !== undefined) serializing.set(request, tracing.child(span, 'serialize'))
    done(null, payload)
  })
  app.addHook('onSend', (request, _, payload, done) => {
    serializing.get(request)?.end()
    done(null, payload)
  })
  app.addHook('onResponse', (request, reply, done) => {
    const span = requests.get(request)
    span?.setAttribute('http.response.status_code', reply.statusCode)
    if (span !== undefined && reply.statusCode >= 500) tracing.fail(span, String(reply.statusCode))
    span?.end()
    done()
  })
}
