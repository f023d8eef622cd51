import { benchModel } from './models/bench-model.ts'
import { budgetSeconds } from './support/budget.ts'
import { closedLoop, openClient } from './support/http-load.ts'
import type { Findings } from './support/result.ts'
import { startServer } from './support/server.ts'
import { flagIfKnown } from './support/server-flags.ts'
import { median, medianRatio, quantile } from './support/statistics.ts'
import { pairBodies } from './workloads/requests.ts'

const CLIENTS = [1, 8, 64]
const ROUNDS = 4
const SECONDS = 5

/** Throughput against the number of clients, each of which sends one pair at a time. */
export async function run(): Promise<Findings> {
  const model = benchModel('embedded')
  const server = await startServer(1, flagIfKnown('result-cache-bytes', 0))
  const client = openClient(server.address)
  const bodies = pairBodies(41, model.textVocabSize)
  const runs = CLIENTS.map((clients) => ({ clients, tokensPerSecond: [] as number[], latencies: [] as number[], failed: 0 }))
  for (let round = -1; round < ROUNDS; round++) {
    for (const each of runs) {
      let tokens = 0
      const began = performance.now()
      await closedLoop(each.clients, budgetSeconds(SECONDS), async () => {
        const next = bodies.next()
        const { status, latencyMs } = await client.post('/v1/logprob', next.body)
        if (status === 200) {
          tokens += next.tokens
          if (round >= 0) each.latencies.push(latencyMs)
        } else each.failed++
      })
      // The first round is a warm-up.
      if (round >= 0) each.tokensPerSecond.push(tokens / ((performance.now() - began) / 1000))
    }
  }
  client.end()
  await server.close()
  const [one] = runs
  return {
    question: 'What is the throughput with 1, 8 and 64 concurrent clients?',
    settings: { model: model.name, rounds: ROUNDS, seconds: budgetSeconds(SECONDS) },
    tables: [
      {
        title: 'One pair per request; each client sends the next request when the last one is answered',
        columns: ['clients', 'tokens/s p50', 'throughput / one client', 'requests', 'status other than 200', 'p50 ms', 'p95 ms', 'p99 ms'],
        rows: runs.map(({ clients, tokensPerSecond, latencies, failed }) => [
          clients,
          median(tokensPerSecond),
          medianRatio(tokensPerSecond, one!.tokensPerSecond),
          latencies.length,
          failed,
          ...[0.5, 0.95, 0.99].map((share) => quantile(latencies, share))
        ])
      }
    ],
    aims: [],
    notes: ['The client counts take turns. All clients run in one process on the same cores as the service.'],
    figures: [
      {
        kind: 'lines',
        title: 'Throughput by number of clients',
        x: 'clients',
        scale: 'logarithmic',
        y: 'tokens/s',
        lines: [{ label: model.name, points: runs.map(({ clients, tokensPerSecond }): [number, number] => [clients, median(tokensPerSecond)]) }]
      }
    ],
    samples: Object.fromEntries(runs.map(({ clients, tokensPerSecond }) => [`${clients} clients, tokens/s`, tokensPerSecond]))
  }
}
