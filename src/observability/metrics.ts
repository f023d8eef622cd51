import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

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

/** What is read of a model whenever the metrics are asked for. */
interface ModelGauges {
  queuedTokens(): number
  queuedSequences(): number
  engineRestarts(): number
  enginesReady(): number
  isReady(): boolean
}

/** What is counted of one model. */
export interface ModelMetrics {
  /** A forward pass: what it computed, padding included in `paddedTokens`, what it had from earlier ones, its time and the longest wait before it. */
  batchDone(batch: { sequences: number; tokens: number; paddedTokens: number; cachedTokens: number; runMs: number; queueMs: number }): void
  /** A sequence that was computed for another request, before it or at the same time. */
  reused(source: 'result' | 'in_flight', tokens: number): void
  jobsDropped(reason: string, count: number): void
  itemsScored(count: number): void
  verified(verdict: string): void
  wrongCanary(): void
  /** A canary run or a sampled verification that ended without a finding because of a fault of its own. */
  monitorFailed(monitor: Monitor): void
}

const MONITORS = ['canary', 'sampled_verification'] as const
export type Monitor = (typeof MONITORS)[number]

/** Registers the metrics that have a series a model, under the label `model`: an id of the configuration, never one of a request. */
function createModelMetrics(registry: Registry): (id: string, gauges: ModelGauges) => ModelMetrics {
  const registers = [registry]
  const labelNames = ['model'] as const
  const watched = new Map<string, ModelGauges>()
  const gauge = (name: string, help: string, read: (gauges: ModelGauges) => number): Gauge =>
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect() {
        for (const [model, gauges] of watched) this.set({ model }, read(gauges))
      }
    })
  const counter = (name: string, help: string) => new Counter({ name, help, labelNames, registers })
  const histogram = (name: string, help: string, buckets: number[]) => new Histogram({ name, help, labelNames, buckets, registers })

  gauge('logpr_queue_tokens', 'Tokens that wait for a forward pass.', (gauges) => gauges.queuedTokens())
  gauge('logpr_queue_sequences', 'Sequences that wait for a forward pass.', (gauges) => gauges.queuedSequences())
  gauge('logpr_engine_restarts', 'How often the engine process was replaced.', (gauges) => gauges.engineRestarts())
  gauge('logpr_engines_ready', 'Engine processes that take work; the option replicas says how many there are to be.', (gauges) => gauges.enginesReady())
  gauge('logpr_ready', '1 when a forward pass gave its known answer and work is taken.', (gauges) => (gauges.isReady() ? 1 : 0))
  const items = counter('logpr_items_total', 'Outputs asked to be scored.')
  const batchSeconds = histogram('logpr_batch_seconds', 'Time of one forward pass.', [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30])
  const batchSequences = histogram('logpr_batch_sequences', 'Sequences of one forward pass.', [1, 2, 4, 8, 16, 32, 64, 128, 256])
  const queueSeconds = histogram('logpr_queue_seconds', 'Longest wait in a batch before it ran.', [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 120])
  const computedTokens = counter('logpr_computed_tokens_total', 'Tokens that went through the model.')
  const paddingTokens = counter('logpr_padding_tokens_total', 'Padding that went through the model beside them.')
  const cachedTokens = new Counter({
    name: 'logpr_cached_tokens_total',
    help: 'Tokens that did not have to be computed: beginnings of the prefix cache, and whole sequences scored before or for another request at the same time.',
    labelNames: ['model', 'source'],
    registers
  })
  const wrongCanaries = counter('logpr_wrong_canaries_total', 'Times the known text had other numbers than at the start.')
  const monitorFailures = new Counter({
    name: 'logpr_monitor_failures_total',
    help: 'Runs of a monitor that failed by themselves and so compared nothing.',
    labelNames: ['model', 'monitor'],
    registers
  })
  const verifications = new Counter({
    name: 'logpr_verifications_total',
    help: 'Sequences verified deeply after their answer, by the worst status found.',
    labelNames: ['model', 'verdict'],
    registers
  })
  const dropped = new Counter({
    name: 'logpr_dropped_sequences_total',
    help: 'Sequences that left the queue unscored.',
    labelNames: ['model', 'reason'],
    registers
  })

  return (model, gauges) => {
    watched.set(model, gauges)
    // A series that begins with its first event has no increase to alert on.
    for (const each of [items, computedTokens, paddingTokens, wrongCanaries]) each.inc({ model }, 0)
    for (const each of [batchSeconds, batchSequences, queueSeconds]) each.zero({ model })
    for (const source of ['prefix', 'result', 'in_flight']) cachedTokens.inc({ model, source }, 0)
    for (const monitor of MONITORS) monitorFailures.inc({ model, monitor }, 0)
    return {
      batchDone({ sequences, tokens, paddedTokens, cachedTokens: prefixTokens, runMs, queueMs }) {
        batchSeconds.observe({ model }, runMs / 1000)
        queueSeconds.observe({ model }, queueMs / 1000)
        batchSequences.observe({ model }, sequences)
        computedTokens.inc({ model }, tokens)
        paddingTokens.inc({ model }, paddedTokens - tokens)
        cachedTokens.inc({ model, source: 'prefix' }, prefixTokens)
      },
      reused: (source, tokens) => cachedTokens.inc({ model, source }, tokens),
      jobsDropped: (reason, count) => dropped.inc({ model, reason }, count),
      itemsScored: (count) => items.inc({ model }, count),
      verified: (verdict) => verifications.inc({ model, verdict }),
      wrongCanary: () => wrongCanaries.inc({ model }),
      monitorFailed: (monitor) => monitorFailures.inc({ model, monitor })
    }
  }
}
