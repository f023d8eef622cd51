import { LONGEST, SHORTEST, saturate } from './support/load.ts'
import type { Findings } from './support/result.ts'
import { metricIn, startServer } from './support/server.ts'
import { quantile } from './support/statistics.ts'

const CLIENTS = 32
const SECONDS = 10
const WARM_UP_SECONDS = 2
const AIM_MS = 50

/** Whether the front process answers in time while the engine is overloaded. */
export async function run(): Promise<Findings> {
  const server = await startServer(CLIENTS + 1)
  await saturate(server, CLIENTS, WARM_UP_SECONDS)
  // Reading the metrics restarts the measurement of the event loop's lag.
  const before = await server.get('/metrics')
  const began = performance.now()
  const latencies = await saturate(server, CLIENTS, SECONDS)
  const elapsed = (performance.now() - began) / 1000
  const after = await server.get('/metrics')
  await server.close()

  const change = (name: string): number => metricIn(after, name) - metricIn(before, name)
  const lag = (name: string): number => 1000 * metricIn(after, `logpr_nodejs_eventloop_lag_${name}_seconds`)
  const computed = change('logpr_computed_tokens_total')
  return {
    question: 'Does the front stay responsive while the engine is saturated?',
    settings: { clients: CLIENTS, seconds: SECONDS, characters: `${SHORTEST} to ${LONGEST}` },
    tables: [
      {
        title: 'Event-loop lag of the front process, ms',
        columns: ['p50', 'p90', 'p99', 'max'],
        rows: [[lag('p50'), lag('p90'), lag('p99'), lag('max')]]
      },
      {
        title: 'Throughput and latency',
        columns: ['requests/s', 'tokens/s', 'p50 ms', 'p95 ms', 'p99 ms', 'sequences per batch', 'padding share', 'engine busy'],
        rows: [
          [
            latencies.length / elapsed,
            computed / elapsed,
            quantile(latencies, 0.5),
            quantile(latencies, 0.95),
            quantile(latencies, 0.99),
            change('logpr_batch_sequences_sum') / change('logpr_batch_sequences_count'),
            change('logpr_padding_tokens_total') / (computed + change('logpr_padding_tokens_total')),
            change('logpr_batch_seconds_sum') / elapsed
          ]
        ]
      }
    ],
    aims: [{ aim: `p99 of the event-loop lag at most ${AIM_MS} ms`, measured: lag('p99'), isMet: lag('p99') <= AIM_MS }],
    notes: [
      'The lag is measured with a 10 ms timer, and the values include these 10 ms: an idle process shows 10 ms.',
      'The clients run on the same machine and use part of a core.'
    ],
    samples: { 'latency ms': latencies }
  }
}
