import { availableParallelism } from 'node:os'
import { LONGEST, SHORTEST, saturate } from './support/load.ts'
import { EMBEDDED_MODEL } from './support/models.ts'
import type { Findings } from './support/result.ts'
import { metricIn, type Server, startServer } from './support/server.ts'
import { quantile } from './support/statistics.ts'

const MODELS = ['m0', 'm1']
/** Per model under load. */
const CLIENTS = 8
const SECONDS = 3
const WARM_UP_SECONDS = 1
const ROUNDS = 8

/** The load of one of the two services: the number of clients of each model. */
interface Load {
  readonly threads: number
  readonly models: readonly string[]
  readonly clients: number
}

interface Measured {
  readonly tokensPerSecond: number[]
  readonly latenciesMs: number[]
}

/** Whether each of several concurrent engines should use all cores, or a share of them. */
export async function run(): Promise<Findings> {
  const cores = availableParallelism()
  const counts = [cores, Math.max(1, Math.floor(cores / MODELS.length))]
  const loads = counts.flatMap((threads): Load[] => [
    { threads, models: ['m0'], clients: 1 },
    { threads, models: ['m0'], clients: CLIENTS },
    { threads, models: MODELS, clients: CLIENTS }
  ])
  const flags = ['--model', MODELS.map((id) => `${id}=${EMBEDDED_MODEL}`).join(',')]
  const servers = new Map<number, Server>()
  for (const threads of counts) servers.set(threads, await startServer(MODELS.length * CLIENTS + 1, [...flags, '--threads', String(threads)]))

  const measured = new Map(loads.map((load) => [load, { tokensPerSecond: [], latenciesMs: [] } as Measured]))
  for (let round = 0; round < ROUNDS; round++) {
    // They alternate in going first, so that a slow phase of the machine does not always affect the same one.
    for (const load of round % 2 === 0 ? loads : loads.toReversed()) {
      const { tokensPerSecond, latenciesMs } = measured.get(load)!
      const found = await underLoad(servers.get(load.threads)!, load)
      tokensPerSecond.push(found.tokensPerSecond)
      latenciesMs.push(...found.latenciesMs)
    }
  }
  await Promise.all([...servers.values()].map((server) => server.close()))

  const quantiles = (values: readonly number[], ...shares: number[]): number[] => shares.map((share) => quantile(values, share))
  return {
    question: 'How many threads should engines that share a machine have?',
    settings: { models: MODELS.length, clients_per_loaded_model: CLIENTS, seconds: SECONDS, rounds: ROUNDS, characters: `${SHORTEST} to ${LONGEST}` },
    tables: [
      {
        title: 'The embedded model served twice; tokens/s is the total of all models',
        columns: ['threads per engine', 'models under load', 'clients', 'tokens/s p10', 'p50', 'p90', 'latency p50 ms', 'p95 ms'],
        rows: loads.map((load) => {
          const { tokensPerSecond, latenciesMs } = measured.get(load)!
          return [
            load.threads,
            load.models.length,
            load.models.length * load.clients,
            ...quantiles(tokensPerSecond, 0.1, 0.5, 0.9),
            ...quantiles(latenciesMs, 0.5, 0.95)
          ]
        })
      }
    ],
    aims: [],
    notes: ['The clients and both services run on the same machine. An idle service uses almost no CPU, because its threads do not spin.'],
    samples: Object.fromEntries(
      loads.map((load) => [
        `${load.threads} threads, ${load.models.length} models, ${load.clients} clients each, tokens/s`,
        measured.get(load)!.tokensPerSecond
      ])
    )
  }
}

async function underLoad(server: Server, { models, clients }: Load): Promise<{ tokensPerSecond: number; latenciesMs: number[] }> {
  const saturated = async (seconds: number): Promise<number[]> =>
    (await Promise.all(models.map((model) => saturate(server, clients, seconds, { model })))).flat()
  const computedTokens = async (): Promise<number> => metricIn(await server.get('/metrics'), 'logpr_computed_tokens_total')
  await saturated(WARM_UP_SECONDS)
  const before = await computedTokens()
  const began = performance.now()
  const latenciesMs = await saturated(SECONDS)
  return { tokensPerSecond: ((await computedTokens()) - before) / ((performance.now() - began) / 1000), latenciesMs }
}
