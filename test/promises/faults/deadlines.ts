import { connect } from 'node:net'
import { elementAt } from '../../../src/element-at.ts'
import { pause } from '../../support/running-service.ts'
import type { Measured, ServicePromise } from '../promise.ts'
import { type KeyedService, withKeyedService } from '../support/keyed-service.ts'
import { latencyMs, pairsBody } from '../support/load-client.ts'

const KEY = 'a-key-of-the-impatient-client'
/** Time for the way back to the client that the service keeps of a deadline above 200 ms. */
const NETWORK_MARGIN_MS = 100
const HEADERS = [
  ['x-request-timeout-ms', 1],
  ['x-envoy-expected-rq-timeout-ms', 1],
  ['x-stainless-read-timeout', 1000],
  ['x-stainless-timeout', 1000]
] as const

/** Holds the engine while `use` runs, as a forward pass does that takes long. */
async function withHeldEngine<T>(service: KeyedService, use: () => Promise<T>): Promise<T> {
  const engine = service.enginePid()
  process.kill(engine, 'SIGSTOP')
  try {
    return await use()
  } finally {
    process.kill(engine, 'SIGCONT')
  }
}

async function deadlines(): Promise<Measured> {
  return withKeyedService([KEY], {}, async (service) => {
    const client = elementAt(service.clients, 0)
    await client.post('/v1/logprob', pairsBody(4, 40, 10))
    const before = await service.metric('logpr_computed_tokens_total')
    const lateness = await withHeldEngine(service, async () => {
      // In the engine when it stops; all others wait behind it.
      void client.post('/v1/logprob', pairsBody(1, 20, 5), { 'x-request-timeout-ms': '2500' })
      await pause(100)
      return Promise.all(
        Array.from({ length: 100 }, async (_, index) => {
          const [header, unitMs] = elementAt(HEADERS, index % HEADERS.length)
          const deadlineMs = 500 + 20 * index
          const body = pairsBody(1 + (index % 5) * 20, 40, 10)
          // All in one turn of its event loop, the client itself would send the last one late.
          await pause(10 * index)
          const answer = await client.post('/v1/logprob', body, { [header]: String(deadlineMs / unitMs) })
          return answer.status === 504 ? latencyMs(answer) - (deadlineMs - NETWORK_MARGIN_MS) : Number.POSITIVE_INFINITY
        })
      )
    })
    await pause(1000)
    const executed = (await service.metric('logpr_computed_tokens_total')) - before
    const worst = Math.max(...lateness)
    // The canary, of some ten tokens, and the batch in the engine may have run.
    return {
      isKept: worst <= 50 && executed <= 100,
      measured: `100 requests with deadlines of 0.5 to 2.5 s in four headers behind a pass that does not end: 504 at most ${worst.toFixed(0)} ms late; ${executed} tokens computed after the pass, at most those of the request in the engine`
    }
  })
}

const WAVES = 20
const CLIENTS_PER_WAVE = 50

async function disconnects(): Promise<Measured> {
  return withKeyedService([KEY], { LOGPR_MAX_REQUESTS: '64' }, async (service) => {
    const client = elementAt(service.clients, 0)
    const { hostname, port } = new URL(service.url)
    let worstMs = 0
    let mostQueued = 0
    for (let wave = 0; wave < WAVES; wave++) {
      const leave = async (): Promise<void> => {
        const sockets = Array.from({ length: CLIENTS_PER_WAVE }, () => {
          const body = pairsBody(4, 20, 5)
          const socket = connect(Number(port), hostname)
          socket.on('error', () => {})
          socket.write(
            `POST /v1/logprob HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${KEY}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
          )
          return socket
        })
        const leaving = sockets.map(async (socket) => {
          await pause(400 * Math.random())
          socket.destroy()
        })
        await pause(200)
        mostQueued = Math.max(mostQueued, await service.metric('logpr_queue_sequences'))
        await Promise.all(leaving)
        const leftMs = performance.now()
        while ((await service.metric('logpr_queue_sequences')) > 0) if (performance.now() > leftMs + 5000) break
        worstMs = Math.max(worstMs, performance.now() - leftMs)
      }
      // In every second wave the engine computes meanwhile.
      await (wave % 2 === 0 ? withHeldEngine(service, leave) : leave())
    }
    await pause(500)
    // Three quarters of the permits are for one client: with a single one lost, one of these would be refused.
    const answers = await Promise.all(Array.from({ length: 48 }, () => client.post('/v1/logprob', pairsBody(1, 20, 5))))
    const served = answers.filter(({ status }) => status === 200).length
    const left = (await service.metric('logpr_queue_sequences')) + (await service.metric('logpr_queue_tokens'))
    return {
      isKept: worstMs <= 100 && served === 48 && left === 0 && mostQueued > 0,
      measured: `${WAVES * CLIENTS_PER_WAVE} clients left at random times, up to ${mostQueued} sequences queued: the queue was empty at most ${worstMs.toFixed(0)} ms after the last left, including the time to read the metric; ${served} of 48 permits free afterwards, ${left} tokens left`
    }
  })
}

export const promises: readonly ServicePromise[] = [
  {
    id: 'C1',
    claim: 'A deadline is honoured while a request waits, whichever header sets it, and late work is not computed.',
    target: '504 at most 50 ms after the deadline behind a pass that does not end; nothing computed for requests that expired',
    measure: deadlines
  },
  {
    id: 'C2',
    claim: 'Queued work of a client that left is dropped at once.',
    target: '1,000 clients that leave at random times: queue empty <= 100 ms after the last; all permits and counters back',
    measure: disconnects
  }
]
