import { type BenchModelName, benchModel } from './models/bench-model.ts'
import { budgetSeconds } from './support/budget.ts'
import { closedLoop, openClient, openLoop } from './support/http-load.ts'
import type { Findings } from './support/result.ts'
import { startServer } from './support/server.ts'
import { flagIfKnown } from './support/server-flags.ts'
import { quantile, toTenths } from './support/statistics.ts'
import { poissonArrivals } from './workloads/arrivals.ts'
import { X_TOKENS, Y_TOKENS } from './workloads/pairs.ts'
import { pairBodies } from './workloads/requests.ts'

/** Arrival rates as shares of the capacity. */
const LOADS = [0.25, 0.5, 0.8]
const CLIENTS = 8
const CAPACITY_SECONDS = 10
const SECONDS = 30
const QUANTILES = [0.5, 0.95, 0.99] as const

/** Latency of requests that arrive independently of earlier responses. */
export async function run(name: BenchModelName): Promise<Findings> {
  const model = benchModel(name)
  const server = await startServer(1, ['--model', model.folder, ...flagIfKnown('result-cache-bytes', 0)])
  const client = openClient(server.address)
  const bodies = pairBodies(31, model.textVocabSize)
  const send = async (dueAt?: number): Promise<number> => {
    const { status, latencyMs } = await client.post('/v1/logprob', bodies.next().body, dueAt)
    return status === 200 ? latencyMs : Number.NaN
  }
  let done = 0
  const seconds = budgetSeconds(CAPACITY_SECONDS)
  await closedLoop(CLIENTS, seconds / 4, async () => void (await send()))
  const began = performance.now()
  await closedLoop(CLIENTS, seconds, async () => {
    await send()
    done++
  })
  const capacity = done / ((performance.now() - began) / 1000)
  const runs: { readonly load: number; readonly latencies: number[]; readonly failed: number }[] = []
  for (const load of LOADS) {
    const arrivals = poissonArrivals(32, load * capacity, budgetSeconds(SECONDS))
    const answers = await openLoop(arrivals, (_, dueAt) => send(dueAt))
    const latencies = answers.filter((latency) => !Number.isNaN(latency))
    runs.push({ load, latencies, failed: answers.length - latencies.length })
  }
  client.end()
  await server.close()
  return {
    question: `How long does a request take if requests arrive at a fixed rate (${name})?`,
    settings: { model: model.name, x_tokens: X_TOKENS.join(' to '), y_tokens: Y_TOKENS.join(' to '), pairs_per_request: 1, seconds: budgetSeconds(SECONDS) },
    tables: [
      {
        title: `Open loop, Poisson arrivals; capacity ${capacity.toFixed(1)} requests/s, as ${CLIENTS} clients without a pause get`,
        columns: ['share of capacity', 'requests/s', 'requests', 'status other than 200', 'p50 ms', 'p95 ms', 'p99 ms'],
        rows: runs.map(({ load, latencies, failed }) => [
          load,
          load * capacity,
          latencies.length + failed,
          failed,
          ...QUANTILES.map((share) => quantile(latencies, share))
        ])
      }
    ],
    aims: [],
    notes: ['A latency counts from the time at which the request was due, so that waiting for a slow answer is in it. The client runs on the same cores.'],
    figures: [
      {
        kind: 'lines',
        title: `Latency at a fixed arrival rate, ${name}`,
        x: 'share of capacity, %',
        scale: 'linear',
        y: 'ms',
        lines: QUANTILES.map((share) => ({
          label: `p${100 * share}`,
          points: runs.map(({ load, latencies }): [number, number] => [100 * load, quantile(latencies, share)])
        }))
      }
    ],
    samples: Object.fromEntries(runs.map(({ load, latencies }) => [`latency ms at ${100 * load} % of capacity`, latencies.map(toTenths)]))
  }
}
