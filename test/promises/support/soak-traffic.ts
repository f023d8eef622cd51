import { connect } from 'node:net'
import { mixedRequests } from '../../../bench/workloads/mixed-requests.ts'
import { posted } from '../../support/asked.ts'
import { type Random, randomOf } from '../../support/random.ts'
import { pause, type RunningService } from '../../support/running-service.ts'

const VOCABULARY = 4096

/** What the clients of a soak saw. */
export interface Traffic {
  /** Requests by kind. */
  readonly counts: ReadonlyMap<string, number>
  /** Answers that the kind of request does not allow, by "kind status". */
  readonly unexpected: ReadonlyMap<string, number>
  /** Of each short request that no client killed. */
  readonly latenciesMs: readonly number[]
}

/** Statuses of a request that may be shed, or whose time may run out. */
const UNDER_LOAD = [429, 503, 504]

/** Clients that send a random mix, a part of it hostile, until the time is over. */
export async function soakTraffic(service: RunningService, clients: number, untilMs: number): Promise<Traffic> {
  const counts = new Map<string, number>()
  const unexpected = new Map<string, number>()
  const latenciesMs: number[] = []
  const add = (map: Map<string, number>, key: string): void => {
    map.set(key, (map.get(key) ?? 0) + 1)
  }
  const expect = async (kind: string, answer: Promise<Response>, statuses: readonly number[]): Promise<void> => {
    const { status } = await drained(answer)
    if (!statuses.includes(status)) add(unexpected, `${kind} ${status}`)
  }

  const client = async (seed: number): Promise<void> => {
    const random = randomOf(seed)
    const mixed = mixedRequests(seed, VOCABULARY)
    const kinds: Readonly<Record<string, () => Promise<void>>> = {
      'of all endpoints': () => {
        const { path, body, status } = mixed.next()
        return expect('of all endpoints', service.post(path, body), [status, ...UNDER_LOAD])
      },
      short: async () => {
        const began = performance.now()
        await expect('short', service.post('/v1/logprob', { x: 'The children ran down to the', y: ` river ${random.between(0, 1e6)}` }), [200, ...UNDER_LOAD])
        latenciesMs.push(performance.now() - began)
      },
      'with a deadline': () => {
        const headers = { 'x-request-timeout-ms': String(random.between(1, 40)) }
        const body = { x: random.ids(200), y: [random.ids(8), random.ids(8)] }
        return expect('with a deadline', service.post('/v1/logprob', body, { headers }), [200, ...UNDER_LOAD])
      },
      'of killed clients': () => killedRequest(service, random),
      invalid: () => {
        const body = random.of<unknown>([
          '{',
          '{"x":1,"x":2}',
          { x: 'a' },
          { x: '\ud800', y: 'b' },
          Buffer.of(0xff, 0x22),
          { x: 'a'.repeat(20_000), y: 'b' },
          '[[[[[['
        ])
        return expect('invalid', service.post('/v1/logprob', body), [400, 413, 422, ...UNDER_LOAD])
      },
      'to unknown paths': () => expect('to unknown paths', service.get(`/v1/${random.between(0, 1e6)}`), [404])
    }
    const names = Object.keys(kinds)
    while (performance.now() < untilMs) {
      const kind = random.of(names)
      add(counts, kind)
      await kinds[kind]?.()
    }
  }
  await Promise.all(Array.from({ length: clients }, (_, i) => client(71 + i)))
  return { counts, unexpected, latenciesMs }
}

async function drained(answer: Promise<Response>): Promise<Response> {
  const response = await answer
  await response.arrayBuffer()
  return response
}

/** Sends a request, or only a part of it, and destroys the connection after up to 60 ms. */
async function killedRequest(service: RunningService, random: Random): Promise<void> {
  const { hostname, port } = new URL(service.url)
  const { body } = posted({ x: random.ids(300), y: Array.from({ length: 8 }, () => random.ids(8)) })
  const socket = connect(Number(port), hostname)
  // A service that closes the connection first is no fault of the client.
  socket.on('error', () => undefined)
  const head = `POST /v1/logprob HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`
  socket.write(head + String(body).slice(0, random.between(0, body.length)))
  if (random.between(0, 1) === 0) socket.write(String(body))
  await pause(random.between(0, 60))
  socket.destroy()
}
