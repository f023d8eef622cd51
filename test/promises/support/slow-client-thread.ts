/** Keeps 2,000 connections busy from its own thread, so that an honest client beside it waits for the service alone. */

import { connect, type Socket } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'

export interface SlowClientFigures {
  /** Connections that this side has not closed. */
  readonly stillOpen: number
  /** Of each 408, the time since its connection was opened, in milliseconds. */
  readonly timedOutAfterMs: readonly number[]
}

/** Ways to keep a connection busy without sending or reading a request: first bytes, then what follows every second. */
const ATTACKS = [
  { count: 1000, first: 'GET /livez HTTP/1.1\r\nhost: a\r\n', more: 'x: y\r\n' },
  { count: 500, first: 'POST /v1/logprob HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 200000\r\n\r\n{', more: ' ' },
  { count: 500, first: 'GET /docs/static/swagger-ui-bundle.js HTTP/1.1\r\nhost: a\r\n\r\n', more: '' }
] as const
/** Two addresses, as the limit per address is half of the limit in all, and not the one of the honest client. */
const ADDRESSES = ['127.0.0.2', '127.0.0.3'] as const

const { hostname, port } = new URL(workerData as string)
const timedOutAfterMs: number[] = []

function open(first: string, more: string, localAddress: string): { readonly socket: Socket; readonly more: string } {
  const openedAtMs = performance.now()
  const socket = connect({ host: hostname, port: Number(port), localAddress })
  socket.on('error', () => {})
  if (more === '') socket.pause()
  else
    socket.once('data', (chunk) => {
      if (String(chunk).includes('408')) timedOutAfterMs.push(performance.now() - openedAtMs)
    })
  socket.write(first)
  return { socket, more }
}

const attackers = ATTACKS.flatMap(({ count, first, more }) =>
  Array.from({ length: count }, (_, i) => open(first, more, i % 2 === 0 ? ADDRESSES[0] : ADDRESSES[1]))
)
const timer = setInterval(() => {
  for (const { socket, more } of attackers) if (more !== '' && !socket.destroyed) socket.write(more)
}, 1000)

parentPort?.once('message', () => {
  clearInterval(timer)
  parentPort?.postMessage({ stillOpen: attackers.filter(({ socket }) => !socket.destroyed).length, timedOutAfterMs } satisfies SlowClientFigures)
  for (const { socket } of attackers) socket.destroy()
})
