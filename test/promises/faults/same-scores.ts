import { logprobBody } from '../../support/logprob-body.ts'
import { present } from '../../support/present.ts'
import { type Random, randomOf } from '../../support/random.ts'
import { pause, type RunningService, startService } from '../../support/running-service.ts'
import type { Measured, ServicePromise } from '../promise.ts'

const PAIRS = 1000
const CANARIES = 20_000
const CANARY_CLIENTS = 8
const CROWD_REQUESTS = 64
const TOLERANCE_NATS = 1e-4
const NOUNS = ['river', 'door', 'lamp', 'harbour', 'hill', 'boat', 'stone', 'bell', 'street', 'window', 'wall', 'cart']
const VERBS = ['crossed', 'found', 'left', 'saw', 'passed', 'opened', 'watched', 'reached', 'painted', 'sold']

interface Pair {
  readonly id: string
  readonly x: string
  readonly y: string
}

/** Different texts of 5 to 100 tokens. */
function pairsOf(count: number, random: Random): Pair[] {
  return Array.from({ length: count }, (_, i) => {
    const sentence = (): string => `The ${random.of(NOUNS)} was there when they ${random.of(VERBS)} the ${random.of(NOUNS)}. `
    return { id: String(i), x: `${sentence().repeat(random.between(1, 5))}Number ${i}`, y: ` ${random.of(VERBS)} the ${random.of(NOUNS)} ${i * 7919}.` }
  })
}

/** Scores by id. Sends again what an overloaded service refuses. */
async function scoresOf(service: RunningService, pairs: readonly Pair[], into: Map<string, number>): Promise<void> {
  for (;;) {
    const response = await service.post('/v1/logprob', { pairs })
    if (response.status === 429 || response.status === 503) {
      await response.arrayBuffer()
      await pause(100)
      continue
    }
    if (response.status !== 200) throw new Error(`expected status 200, got ${response.status}`)
    for (const { id, log_prob: sums } of (await logprobBody(response)).results) into.set(present(id), present(sums.joint))
    return
  }
}

async function inBatches(service: RunningService, pairs: readonly Pair[], random: Random, { clients = 4, most = 64 } = {}): Promise<Map<string, number>> {
  const shuffled = [...pairs].map((pair) => ({ pair, key: random.between(0, 1e9) })).sort((a, b) => a.key - b.key)
  const scores = new Map<string, number>()
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (shuffled.length > 0)
        await scoresOf(
          service,
          shuffled.splice(0, random.between(1, most)).map(({ pair }) => pair),
          scores
        )
    })
  )
  return scores
}

async function alone(service: RunningService, pairs: readonly Pair[]): Promise<Map<string, number>> {
  const scores = new Map<string, number>()
  for (const pair of pairs) await scoresOf(service, [pair], scores)
  return scores
}

/** While clients send more than the service can score: all their requests wait when the pairs arrive. */
async function duringOverload(service: RunningService, pairs: readonly Pair[], random: Random): Promise<Map<string, number>> {
  const crowd = Array.from({ length: CROWD_REQUESTS }, () => service.post('/v1/logprob', { x: random.ids(300), y: [random.ids(40), random.ids(40)] }))
  const scores = await inBatches(service, pairs, random, { clients: 8, most: 8 })
  for (const response of await Promise.all(crowd)) await response.arrayBuffer()
  return scores
}

/** Number of pairs that got the score or the id of another one. Most scores differ by far more than the tolerance. */
async function swapsOf(service: RunningService, pairs: readonly Pair[], reference: ReadonlyMap<string, number>, random: Random): Promise<number> {
  let [sent, swaps] = [0, 0]
  await Promise.all(
    Array.from({ length: CANARY_CLIENTS }, async () => {
      while (sent < CANARIES) {
        const asked = Array.from({ length: random.between(1, 8) }, () => ({ canary: `canary-${sent++}`, pair: random.of(pairs) }))
        const scores = new Map<string, number>()
        await scoresOf(
          service,
          asked.map(({ canary, pair }) => ({ ...pair, id: canary })),
          scores
        )
        for (const { canary, pair } of asked) if (!(Math.abs((scores.get(canary) ?? Number.NaN) - present(reference.get(pair.id))) <= TOLERANCE_NATS)) swaps++
      }
    })
  )
  return swaps
}

async function measure(): Promise<Measured> {
  const random = randomOf(13)
  const pairs = pairsOf(PAIRS, random)
  const service = await startService()
  const replicas = await startService({ LOGPR_REPLICAS: '2' })
  try {
    const reference = await alone(service, pairs)
    const runs: Record<string, Map<string, number>> = {
      'in batches': await inBatches(service, pairs, random),
      'during overload': await duringOverload(service, pairs, random)
    }
    process.kill(service.enginePid(), 'SIGKILL')
    runs['after a restart'] = await inBatches(service, pairs, random)
    runs['by 2 replicas'] = await inBatches(replicas, pairs, random)
    const differences = Object.entries(runs).map(([run, scores]) => {
      const apart = pairs.map(({ id }) => Math.abs(present(scores.get(id)) - present(reference.get(id))))
      return { run, equal: apart.filter((each) => each === 0).length, largest: Math.max(...apart) }
    })
    const distinct = new Set([...reference.values()].map((score) => score.toFixed(3))).size
    const swaps = await swapsOf(service, pairs, reference, random)
    return {
      isKept: swaps === 0 && differences.every(({ largest }) => largest <= TOLERANCE_NATS),
      measured: `${PAIRS} pairs (${distinct} scores that differ at 0.001 nats) against one at a time: ${differences
        .map(({ run, equal, largest }) => `${run} ${equal} equal bit for bit, at most ${largest.toExponential(1)} nats`)
        .join('; ')}. ${swaps} swaps among ${CANARIES} canary pairs`
    }
  } finally {
    await Promise.all([service.stop(), replicas.stop()])
  }
}

export const promises: readonly ServicePromise[] = [
  {
    id: 'A1',
    claim: 'A pair has the same score alone, in any batch, during overload, after an engine restart and on any replica, and gets no score of another pair.',
    target: 'each pair equal, or within 1e-4 nats of a joint sum (float32 rounding of other batch shapes); 0 swaps among canary pairs',
    measure
  }
]
