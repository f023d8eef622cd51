import type { Span } from '@opentelemetry/api'
import type { Tracing } from './spans.ts'

/** What the scheduler reports of a pass that has ended. */
interface EndedPass {
  readonly sequences: number
  readonly tokens: number
  readonly cachedTokens: number
  readonly runMs: number
}

export interface QueueObserver {
  queued(request: object): void
  abandoned(request: object): void
  batchStarted(requests: ReadonlySet<object>): (pass: EndedPass | null) => void
}

/**
 * The spans below a request: `queue` from its submission to its first batch, `batch` for every batch with its
 * sequences, and in it `engine`, the time in the engine process. Work outside of requests has none.
 */
export function tracedQueue(tracing: Tracing, model: string): QueueObserver {
  const parents = new WeakMap<object, Span>()
  const waiting = new WeakMap<object, Span>()
  const attributes = { 'logpr.model': model }
  return {
    queued(request) {
      const parent = tracing.request
      if (parent === undefined) return
      parents.set(request, parent)
      waiting.set(request, tracing.child(parent, 'queue', attributes))
    },
    abandoned: endWait,
    batchStarted(requests) {
      const spans: Span[] = []
      for (const request of requests) {
        const parent = parents.get(request)
        if (parent === undefined) continue
        endWait(request)
        spans.push(tracing.child(parent, 'batch', { ...attributes, 'logpr.batch.requests': requests.size }))
      }
      return (pass) => {
        for (const span of spans) {
          if (pass === null) tracing.fail(span, 'engine_failed')
          else endBatch(span, pass)
          span.end()
        }
      }
    }
  }

  function endWait(request: object): void {
    waiting.get(request)?.end()
    waiting.delete(request)
  }

  function endBatch(span: Span, { sequences, tokens, cachedTokens, runMs }: EndedPass): void {
    span.setAttributes({ 'logpr.batch.sequences': sequences, 'logpr.batch.tokens': tokens, 'logpr.batch.cached_tokens': cachedTokens })
    tracing.child(span, 'engine', attributes, new Date(Date.now() - runMs)).end()
  }
}
