import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client'
import { createModelMetrics, type ModelGauges, type ModelMetrics } from './model-metrics.ts'

export interface Metrics {
  readonly registry: Registry
  readonly requests: Counter<'route' | 'method' | 'status'>
  readonly requestSeconds: Histogram<'route'>
  /** The series of one model, whose gauges are read from now on. */
  ofModel(id: string, gauges: ModelGauges): ModelMetrics
}

/** Every metric, once. Labels are closed sets: no client-chosen value ever becomes one. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'logpr_' })
  const registers = [registry]
  return {
    registry,
    requests: new Counter({ name: 'logpr_http_requests_total', help: 'Requests answered.', labelNames: ['route', 'method', 'status'], registers }),
    requestSeconds: new Histogram({
      name: 'logpr_http_request_seconds',
      help: 'Time from the request line to the last byte of the answer.',
      labelNames: ['route'],
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 240],
      registers
    }),
    ofModel: createModelMetrics(registry)
  }
}
