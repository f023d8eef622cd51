import { benchModel } from './models/bench-model.ts'
import { budgetSeconds } from './support/budget.ts'
import { closedLoop, type Exchange, openClient, openLoop } from './support/http-load.ts'
import type { Findings } from './support/result.ts'
import { startServer } from './support/server.ts'
import { flagIfKnown } from './support/server-flags.ts'
import { quantile, toTenths } from './support/statistics.ts'
import { RandomIds } from './workloads/random-ids.ts'
import { bodyOfItems } from './workloads/requests.ts'

const TIMES_CAPACITY = 10
const SECONDS = 15
const DEADLINE_MS = 5000
const PAIRS_EACH = 8
const TOKENS_EACH = 150
const AIM_MS = 50

/** Ten times the capacity: accepted requests are answered in time, the rest is rejected at once. */
export async function run(): Promise<Findings> {
  const model = benchModel('embedded')
  const server = await startServer(1, flagIfKnown('result-cache-bytes', 0))
  const client = openClient(server.address, { 'x-request-timeout-ms': String(DEADLINE_MS) })
  const random = new RandomIds(51, model.textVocabSize)
  const body = (): string => bodyOfItems(Array.from({ length: PAIRS_EACH }, () => ({ context: random.begun(TOKENS_EACH - 9), continuation: random.ids(8) })))
  let done = 0
  const began = performance.now()
  await closedLoop(4, budgetSeconds(8), async () => {
    if ((await client.post('/v1/logprob', body())).status === 200) done++
  })
  const capacity = done / ((performance.now() - began) / 1000)
  const seconds = budgetSeconds(SECONDS)
  const count = Math.round(TIMES_CAPACITY * capacity * seconds)
  // Built beforehand, so that building them delays nothing.
  const bodies = Array.from({ length: count }, body)
  const due = bodies.map((_, i) => (1000 * i) / (TIMES_CAPACITY * capacity))
  const lost: string[] = []
  const answers = await openLoop(due, (i, dueAt) =>
    client.post('/v1/logprob', bodies[i] ?? '', dueAt).catch((error: unknown): Exchange => {
      lost.push(String(error))
      return { status: 0, text: '', latencyMs: Number.NaN }
    })
  )
  client.end()
  await server.close()

  const latenciesOf = (status: number): number[] => answers.filter((answer) => answer.status === status).map(({ latencyMs }) => latencyMs)
  const [accepted, refused, late] = [latenciesOf(200), latenciesOf(429), latenciesOf(504)]
  const others = answers.length - accepted.length - refused.length - late.length
  const slowest = quantile(refused, 0.99)
  const row = (label: string, latencies: readonly number[]) => [
    label,
    latencies.length,
    ...[0.5, 0.95, 0.99, 1].map((share) => (latencies.length === 0 ? null : quantile(latencies, share)))
  ]
  return {
    question: `What happens at ${TIMES_CAPACITY} times the load that the service can handle?`,
    settings: { model: model.name, seconds, deadline_ms: DEADLINE_MS, pairs_per_request: PAIRS_EACH, tokens_per_pair: TOKENS_EACH },
    tables: [
      {
        title: `${count} requests at ${(TIMES_CAPACITY * capacity).toFixed(0)} per second; ${capacity.toFixed(1)} per second can be handled`,
        columns: ['response', 'requests', 'p50 ms', 'p95 ms', 'p99 ms', 'max ms'],
        rows: [row('200, completed', accepted), row('429, rejected', refused), row('504, accepted but late', late)]
      }
    ],
    aims: [
      { aim: `overload: rejected within ${AIM_MS} ms (p99), ms`, measured: slowest, isMet: slowest <= AIM_MS },
      { aim: 'overload: requests accepted but not completed, or without a response', measured: late.length + others, isMet: late.length + others === 0 }
    ],
    notes: [
      `Other responses: ${others}; requests without a response: ${lost.length}.`,
      'Latency is measured from the time at which the request was due. The client runs on the same cores as the service, so its own delays are included.'
    ],
    samples: { '200, ms': accepted.map(toTenths), '429, ms': refused.map(toTenths) }
  }
}
