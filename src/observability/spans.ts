import { AsyncLocalStorage } from 'node:async_hooks'
import { type Context, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, TraceFlags, type Tracer, trace } from '@opentelemetry/api'
import { ServiceError } from '../errors.ts'

/**
 * Makes the spans of a service. Attributes are counts, ids of the configuration and codes; never a text or a header.
 */
export class Tracing {
  readonly #tracer: Tracer
  readonly #requests = new AsyncLocalStorage<Span>()

  constructor(tracer: Tracer) {
    this.#tracer = tracer
  }

  /** The span of a request that begins now: a child of the client's span if `traceparent` is valid. */
  startRequest(method: string, route: string, traceparent: string | undefined): Span {
    const attributes = { 'http.request.method': method, 'http.route': route }
    return this.#tracer.startSpan(`${method} ${route}`, { kind: SpanKind.SERVER, attributes }, remoteContext(traceparent))
  }

  /** Calls `work`. Spans that start in it, or in what it waits for, are children of `span`. */
  within<T>(span: Span, work: () => T): T {
    return this.#requests.run(span, work)
  }

  /** The span of the request that this code runs for; undefined outside of requests. */
  get request(): Span | undefined {
    return this.#requests.getStore()
  }

  child(parent: Span, name: string, attributes: Readonly<Record<string, number | string>> = {}, startTime?: Date): Span {
    const context = trace.setSpan(ROOT_CONTEXT, parent)
    return this.#tracer.startSpan(name, { attributes, ...(startTime === undefined ? {} : { startTime }) }, context)
  }

  /** Measures `work` as a child of the current request; outside of requests, only runs it. */
  async measure<T>(name: string, attributes: Readonly<Record<string, number>>, work: () => Promise<T>): Promise<T> {
    const { request } = this
    if (request === undefined) return work()
    const span = this.child(request, name, attributes)
    try {
      return await work()
    } catch (error) {
      this.fail(span, error instanceof ServiceError ? error.code : 'internal_error')
      throw error
    } finally {
      span.end()
    }
  }

  /** Marks a span as failed. `code` is an error code, so that no message reaches the collector. */
  fail(span: Span, code: string): void {
    span.setStatus({ code: SpanStatusCode.ERROR })
    span.setAttribute('error.type', code)
  }
}

/** version-traceid-parentid-flags, W3C Trace Context level 1. */
const TRACEPARENT = /^00-((?!0{32})[0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-([0-9a-f]{2})$/

function remoteContext(traceparent: string | undefined): Context {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent ?? '') ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return ROOT_CONTEXT
  const traceFlags = Number.parseInt(flags, 16) & TraceFlags.SAMPLED
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true })
}
