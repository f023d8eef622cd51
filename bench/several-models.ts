import { availableParallelism } from 'node:os'
import { saturate } from './support/load.ts'
import { EMBEDDED_MODEL } from './support/models.ts'
import type { Findings } from './support/result.ts'
import { metricIn, startServer } from './support/server.ts'
import { quantile } from './support/statistics.ts'

/** Of each model under load. */
const CLIENTS = 8
const SECONDS = 4
const WARM_UP_SECONDS = 1
const ROUNDS = 6

interface Setting {
  readonly threads: number
  readonly loaded: readonly string[]
}

interface Measured {
  tokensPerSecond: number[]
  latencies: number[]
}

/** Whether engines that run side by side should have all cores each, or their share of them. */
export async function run(): Promise<Findings> {
  const models = [process.env.BENCH_MODEL ?? EMBEDDED_MODEL, process.env.BENCH_MODEL ?? EMBEDDED_MODEL]
  const cores = availableParallelism()
  const counts = [cores, Math.max(1, Math.floor(cores / models.length))]
  const settings: Setting[] = counts.flatMap((threads) => [
    { threads, loaded: ['m0'] },
    { threads, loaded: ['m0', 'm1'] }
  ])
  const measured = new Map(settings.map((setting) => [setting, { tokensPerSecond: [], latencies: [] } as Measured]))
  const named = models.map((path, i) => `m${i}=${path}`).join(',')
  const servers = new Map(
    await Promise.all(counts.map(async (threads) => [threads, await startServer(2 * CLIENTS + 1, ['--model', named, '--threads', String(threads)])] as const))
  )
  for (let round = 0; round < ROUNDS; round++) {
    // Each goes first in turn, so that a slow spell of the machine does not always meet the same one.
    for (const setting of round % 2 === 0 ? settings : settings.toReversed()) {
      const server = servers.get(setting.threads)!
      const load = async (seconds: number): Promise<number[]> =>
        (await Promise.all(setting.loaded.map((model) => saturate(server, CLIENTS, seconds, { model })))).flat()
      await load(WARM_UP_SECONDS)
      const before = metricIn(await server.get('/metrics'), 'logpr_computed_tokens_total')
      const began = performance.now()
      const latencies = await load(SECONDS)
      const elapsed = (performance.now() - began) / 1000
      const { tokensPerSecond, latencies: all } = measured.get(setting)!
      tokensPerSecond.push((metricIn(await server.get('/metrics'), 'logpr_computed_tokens_total') - before) / elapsed)
      all.push(...latencies)
    }
  }
  for (const server of servers.values()) await server.close()

  return {
    question: 'How many threads should engines have that share a machine?',
    settings: { models: models.length, clients_a_model: CLIENTS, seconds: SECONDS, rounds: ROUNDS },
    tables: [
      {
        title: 'The embedded model twice, one of the two under load or both',
        columns: ['threads an engine', 'models under load', 'tokens/s of all p50', 'p10', 'p90', 'latency p50 ms', 'p99 ms'],
        rows: settings.map((setting) => {
          const { tokensPerSecond, latencies } = measured.get(setting)!
          return [
            setting.threads,
            setting.loaded.length,
            ...[0.5, 0.1, 0.9].map((share) => quantile(tokensPerSecond, share)),
            ...[0.5, 0.99].map((share) => quantile(latencies, share))
          ]
        })
      }
    ],
    aims: [],
    notes: ['The clients and both services run on the same machine; a service without load takes next to nothing.'],
    samples: Object.fromEntries(
      settings.map((setting) => [`${setting.threads} threads, ${setting.loaded.length} loaded, tokens/s`, measured.get(setting)!.tokensPerSecond])
    )
  }
}
