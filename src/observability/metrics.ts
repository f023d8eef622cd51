import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** Every metric, once. Labels are closed sets: no client-chosen value ever becomes one. */
export function createMetrics(gauges: { queuedTokens(): number; queuedSequences(): number; engineRestarts(): number; isReady(): boolean }) {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'logpr_' })
  const registers = [registry]
  const gauge = (name: string, help: string, read: () => number): Gauge =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read())
      }
    })

  gauge('logpr_queue_tokens', 'Tokens that wait for a forward pass.', gauges.queuedTokens)
  gauge('logpr_queue_sequences', 'Sequences that wait for a forward pass.', gauges.queuedSequences)
  gauge('logpr_engine_restarts', 'How often the engine process was replaced.', gauges.engineRestarts)
  gauge('logpr_ready', '1 when a forward pass gave its known answer and work is taken.', () => (gauges.isReady() ? 1 : 0))

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
    itemsScored: new Counter({ name: 'logpr_items_total', help: 'Outputs asked to be scored.', registers }),
    batchSeconds: new Histogram({
      name: 'logpr_batch_seconds',
      help: 'Time of one forward pass.',
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers
    }),
    batchSequences: new Histogram({
      name: 'logpr_batch_sequences',
      help: 'Sequences of one forward pass.',
      buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
      registers
    }),
    queueSeconds: new Histogram({
      name: 'logpr_queue_seconds',
      help: 'Longest wait in a batch before it ran.',
      buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 120],
      registers
    }),
    computedTokens: new Counter({ name: 'logpr_computed_tokens_total', help: 'Tokens that went through the model.', registers }),
    paddingTokens: new Counter({ name: 'logpr_padding_tokens_total', help: 'Padding that went through the model beside them.', registers }),
    verifications: new Counter({
      name: 'logpr_verifications_total',
      help: 'Sequences verified deeply after their answer, by the worst status found.',
      labelNames: ['verdict'],
      registers
    }),
    wrongCanaries: new Counter({ name: 'logpr_wrong_canaries_total', help: 'Times the known text had other numbers than at the start.', registers }),
    droppedSequences: new Counter({ name: 'logpr_dropped_sequences_total', help: 'Sequences that left the queue unscored.', labelNames: ['reason'], registers })
  }
}

export type Metrics = ReturnType<typeof createMetrics>
