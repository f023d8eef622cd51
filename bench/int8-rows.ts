import { availableParallelism } from 'node:os'
import { type BenchModelName, benchModel } from './models/bench-model.ts'
import { startLogpr } from './peers/logpr.ts'
import { deadlineAfter } from './support/budget.ts'
import type { Findings } from './support/result.ts'
import { type Server, startServer } from './support/server.ts'
import { hasFlag, turnFlags } from './support/server-flags.ts'
import { median, medianRatio } from './support/statistics.ts'
import { fedTokens, type Item } from './workloads/item.ts'
import { pairSlices } from './workloads/pairs.ts'
import { bodyOfItems } from './workloads/requests.ts'

const PAIRS = 256
const SLICES = 8
const SECONDS = 90
const AIM_FACTOR = 1.6
const AIM_NATS = 0.01

/** Speed and memory gained by 8-bit weights, and the change of scores. */
export async function run(name: BenchModelName): Promise<Findings> {
  if (!hasFlag('precision')) throw new Error('this logpr has no --precision')
  const model = benchModel(name)
  const threads = availableParallelism()
  const exact = await startLogpr(model, threads)
  const int8 = await startLogpr(model, threads, ['--precision', 'int8'])
  const seconds = { exact: [] as number[], int8: [] as number[] }
  const rates: number[] = []
  const deadline = deadlineAfter(SECONDS)
  const slices = pairSlices(91, model.textVocabSize, PAIRS, SLICES)
  for (const [round, { items }] of slices.entries()) {
    if (round >= 2 && deadline.isOver()) break
    const order = round % 2 === 0 ? (['exact', 'int8'] as const) : (['int8', 'exact'] as const)
    for (const which of order) {
      const scored = await (which === 'exact' ? exact : int8).score(items)
      seconds[which].push(scored.seconds)
    }
    rates.push(fedTokens(items))
  }
  await Promise.all([exact.close(), int8.close()])
  const differences = await tokenDifferences(model.folder, threads, pairSlices(92, model.textVocabSize, 32, 1)[0]?.items ?? [])
  const factor = medianRatio(seconds.exact, seconds.int8)
  const mean = differences.reduce((sum, value) => sum + value, 0) / differences.length
  const row = (label: string, times: readonly number[]) => [
    label,
    median(times),
    median(times.map((time, i) => (rates[i] ?? Number.NaN) / time)),
    medianRatio(seconds.exact, times)
  ]
  return {
    question: `How much faster are 8-bit weights, and how much do scores change (${name})?`,
    settings: { model: model.name, threads, pairs_per_round: PAIRS / SLICES, rounds: rates.length },
    tables: [
      {
        title: 'Independent pairs as above, alternating',
        columns: ['weights', 'p50 s per round', 'tokens/s', 'float32 / this'],
        rows: [row('float32', seconds.exact), row('int8', seconds.int8)]
      },
      {
        title: 'Differences of single tokens from float32, nats',
        columns: ['tokens', 'mean', 'p50', 'max'],
        rows: [[differences.length, mean, median(differences), Math.max(...differences)]]
      }
    ],
    aims: [
      { aim: `int8 rows, ${name}: at least ${AIM_FACTOR} times as fast as float32`, measured: factor, isMet: factor >= AIM_FACTOR },
      { aim: `int8 rows, ${name}: mean difference at most ${AIM_NATS} nats per token`, measured: mean, isMet: mean <= AIM_NATS }
    ],
    notes: ['Differences are absolute, over all tokens of x and y of 32 other pairs.'],
    figures: [
      {
        kind: 'bars',
        title: `Independent pairs with 8-bit weights, ${name}`,
        unit: 'tokens/s',
        bars: [
          { label: 'int8', value: row('', seconds.int8)[2] as number },
          { label: 'float32', value: row('', seconds.exact)[2] as number }
        ]
      }
    ],
    samples: { 'float32, s a round': seconds.exact, 'int8, s a round': seconds.int8 }
  }
}

async function tokenDifferences(folder: string, threads: number, items: readonly Item[]): Promise<number[]> {
  const numbers: number[][] = []
  for (const flags of [[], ['--precision', 'int8']]) {
    const server = await startServer(1, ['--model', folder, ...turnFlags(threads), ...flags])
    numbers.push(await tokenLogProbs(server, items))
    await server.close()
  }
  const [exact = [], int8 = []] = numbers
  if (exact.length !== int8.length) throw new Error(`${exact.length} and ${int8.length} tokens were scored`)
  return exact.map((value, i) => Math.abs(value - (int8[i] ?? Number.NaN)))
}

async function tokenLogProbs(server: Server, items: readonly Item[]): Promise<number[]> {
  const body = bodyOfItems(items, { terms: ['joint', 'marginal', 'conditional'], detail: 'tokens' })
  const { results } = JSON.parse(await server.post('/v1/logprob', body)) as { results: { tokens: { log_prob: number | null }[] }[] }
  return results.flatMap(({ tokens }) => tokens.flatMap(({ log_prob: logProb }) => (logProb === null ? [] : [logProb])))
}
