import { pause } from '../../support/running-service.ts'
import type { Measured, ServicePromise } from '../promise.ts'
import { withKeyedService } from '../support/keyed-service.ts'
import { type Answer, closedLoop, type LoadClient, latencyMs, pairsBody, quantile } from '../support/load-client.ts'

const CONNECTIONS = 64
const SECONDS = 10
const KEYS = Array.from({ length: 8 }, (_, index) => `a-key-of-the-client-${index}`)

/** One request of some 200 tokens at a time, with a pause between them. */
async function alone(client: LoadClient, seconds: number): Promise<number[]> {
  const latencies: number[] = []
  for (const endMs = performance.now() + seconds * 1000; performance.now() < endMs; await pause(10)) {
    const answer = await client.post('/v1/logprob', pairsBody(1, 180, 20))
    latencies.push(answer.status === 200 ? latencyMs(answer) : Number.POSITIVE_INFINITY)
  }
  return latencies
}

/** Jain's index of fairness: 1 when all shares are equal, 1/n when one has everything. */
function jain(shares: readonly number[]): number {
  const sum = shares.reduce((total, share) => total + share, 0)
  return sum ** 2 / (shares.length * shares.reduce((total, share) => total + share ** 2, 0))
}

async function measure(): Promise<Measured> {
  return withKeyedService(KEYS, {}, async ({ clients }) => {
    const [small, large] = clients as [LoadClient, LoadClient]
    await alone(small, 2)
    const idleP99 = quantile(await alone(small, 5), 0.99)
    let isOver = false
    // 4,000 tokens each.
    const load = closedLoop(
      CONNECTIONS,
      () => isOver,
      () => large.post('/v1/logprob', pairsBody(20, 180, 20))
    )
    await pause(3000)
    const busy = await alone(small, SECONDS)
    isOver = true
    const busyP99 = quantile(busy, 0.99)
    // Its queued work would take a minute.
    large.close()
    const done = (await load).filter(({ status }) => status === 200).length

    const startMs = performance.now()
    const counts = await Promise.all(
      clients.map((client) =>
        closedLoop(
          2,
          () => performance.now() > startMs + SECONDS * 1000,
          (): Promise<Answer> => client.post('/v1/logprob', pairsBody(4, 40, 10))
        )
      )
    )
    const index = jain(counts.map((answers) => answers.filter(({ status }) => status === 200).length))
    const ratio = busyP99 / idleP99
    return {
      isKept: ratio <= 3 && index >= 0.95,
      measured:
        `one connection with 200 tokens beside ${CONNECTIONS} with 4,000 tokens (${done} done): p50 ${quantile(busy, 0.5).toFixed(0)} ms, p99 ${busyP99.toFixed(0)} ms, ` +
        `${ratio.toFixed(1)} times the ${idleP99.toFixed(0)} ms of an idle service; Jain index of 8 equal clients ${index.toFixed(3)}`
    }
  })
}

export const promises: readonly ServicePromise[] = [
  {
    id: 'B4',
    claim: 'A client with few requests is served quickly beside one with many, and equal clients get equal shares.',
    target: 'p99 beside 64 connections <= 3 times the idle p99; Jain index of 8 equal clients >= 0.95',
    measure
  }
]
