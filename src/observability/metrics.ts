import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

export interface Metrics {
  readonly registry: Registry
  readonly requests: Counter<'route' | 'method' | 'status'>
  readonly requestSeconds: Histogram<'route'>
  readonly uncountedRequests: Counter
  /** Registers the series of a model; each scrape reads its gauges. */
  ofModel(id: string, gauges: ModelGauges): ModelMetrics
}

/** Every metric of the service. Label values come from closed sets, never from a client. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'logpr_' })
  const registers = [registry]
  return {
    registry,
    requests: new Counter({ name: 'logpr_http_requests_total', help: 'HTTP requests answered.', labelNames: ['route', 'method', 'status'], registers }),
    requestSeconds: new Histogram({
      name: 'logpr_http_request_seconds',
      help: 'Time from the arrival of a request to the end of its response.',
      labelNames: ['route'],
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 240],
      registers
    }),
    uncountedRequests: new Counter({
      name: 'logpr_rate_limit_uncounted_total',
      help: 'Requests that were let in without being counted, because the Redis server of rate-limit-redis-url did not answer.',
      registers
    }),
    ofModel: createModelMetrics(registry)
  }
}

/** The values of a model that each scrape reads. */
interface ModelGauges {
  queuedTokens(): number
  queuedSequences(): number
  engineRestarts(): number
  enginesReady(): number
  isReady(): boolean
}

/** The counters of one model. */
export interface ModelMetrics {
  /** One forward pass. `paddedTokens` includes `tokens`; `queueMs` is the longest wait of its sequences. */
  batchDone(batch: { sequences: number; tokens: number; paddedTokens: number; cachedTokens: number; runMs: number; queueMs: number }): void
  /** A sequence whose scores came from another request: an earlier one (`result`) or a concurrent one (`in_flight`). */
  reused(source: 'result' | 'in_flight', tokens: number): void
  jobsDropped(reason: string, count: number): void
  itemsScored(count: number): void
  verified(verdict: string): void
  wrongCanary(): void
  /** A run that failed with an error of its own and compared nothing. */
  monitorFailed(monitor: Monitor): void
}

const MONITORS = ['canary', 'sampled_verification'] as const
export type Monitor = (typeof MONITORS)[number]

/**
 * Registers the metrics with one series per model. The label `model` is an id of the configuration, never of a request.
 */
function createModelMetrics(registry: Registry): (id: string, gauges: ModelGauges) => ModelMetrics {
  const registers = [registry]
  const labelNames = ['model'] as const
  const gaugesByModel = new Map<string, ModelGauges>()
  const gauge = (name: string, help: string, read: (gauges: ModelGauges) => number): Gauge =>
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect() {
        for (const [model, gauges] of gaugesByModel) this.set({ model }, read(gauges))
      }
    })
  const counter = (name: string, help: string) => new Counter({ name, help, labelNames, registers })
  const histogram = (name: string, help: string, buckets: number[]) => new Histogram({ name, help, labelNames, buckets, registers })

  gauge('logpr_queue_tokens', 'Tokens waiting for a forward pass.', (gauges) => gauges.queuedTokens())
  gauge('logpr_queue_sequences', 'Sequences waiting for a forward pass.', (gauges) => gauges.queuedSequences())
  gauge('logpr_engine_restarts', 'Restarts of the engine processes since the start.', (gauges) => gauges.engineRestarts())
  gauge('logpr_engines_ready', 'Engine processes ready to compute, out of the number set by --replicas.', (gauges) => gauges.enginesReady())
  gauge('logpr_ready', '1 when the model passed its self-test and accepts requests, 0 otherwise.', (gauges) => (gauges.isReady() ? 1 : 0))
  const items = counter('logpr_items_total', 'Outputs, prompts or documents that requests asked to score.')
  const batchSeconds = histogram('logpr_batch_seconds', 'Duration of a forward pass.', [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30])
  const batchSequences = histogram('logpr_batch_sequences', 'Sequences in a forward pass.', [1, 2, 4, 8, 16, 32, 64, 128, 256])
  const batchTokens = histogram(
    'logpr_batch_tokens',
    'Tokens computed by a forward pass, padding included. Above max-batch-tokens only for a text that is longer by itself.',
    [16, 64, 256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536]
  )
  const queueSeconds = histogram(
    'logpr_queue_seconds',
    'Longest time that a sequence of a batch waited before the forward pass.',
    [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 120]
  )
  const computedTokens = counter('logpr_computed_tokens_total', 'Tokens computed by the model, without padding.')
  const paddingTokens = counter('logpr_padding_tokens_total', 'Padding tokens computed by the model.')
  const cachedTokens = new Counter({
    name: 'logpr_cached_tokens_total',
    help: 'Tokens not computed because they came from the prefix cache, the result cache or a concurrent request.',
    labelNames: ['model', 'source'],
    registers
  })
  const wrongCanaries = counter('logpr_wrong_canaries_total', 'Canary runs whose scores differed from those of the self-test.')
  const monitorFailures = new Counter({
    name: 'logpr_monitor_failures_total',
    help: 'Monitor runs that failed with an error and compared nothing.',
    labelNames: ['model', 'monitor'],
    registers
  })
  const verifications = new Counter({
    name: 'logpr_verifications_total',
    help: 'Sequences verified deeply after their response, by verdict.',
    labelNames: ['model', 'verdict'],
    registers
  })
  const dropped = new Counter({
    name: 'logpr_dropped_sequences_total',
    help: 'Sequences that left the queue without being scored.',
    labelNames: ['model', 'reason'],
    registers
  })

  return (model, gauges) => {
    gaugesByModel.set(model, gauges)
    // An alert on an increase misses the first event of a series that does not exist before it.
    for (const each of [items, computedTokens, paddingTokens, wrongCanaries]) each.inc({ model }, 0)
    for (const each of [batchSeconds, batchSequences, batchTokens, queueSeconds]) each.zero({ model })
    for (const source of ['prefix', 'result', 'in_flight']) cachedTokens.inc({ model, source }, 0)
    for (const monitor of MONITORS) monitorFailures.inc({ model, monitor }, 0)
    return {
      batchDone({ sequences, tokens, paddedTokens, cachedTokens: prefixTokens, runMs, queueMs }) {
        batchSeconds.observe({ model }, runMs / 1000)
        queueSeconds.observe({ model }, queueMs / 1000)
        batchSequences.observe({ model }, sequences)
        batchTokens.observe({ model }, paddedTokens)
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
