import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { pause } from '../../support/running-service.ts'

/** Faults of a network, in both directions, named as Toxiproxy names them. */
export const FAULTS = ['latency', 'bandwidth', 'slicer', 'slow_close', 'reset_peer', 'limit_data', 'timeout'] as const
export type Fault = (typeof FAULTS)[number]

const LATENCY_MS = 300
const SLICE_BYTES = 64
const RESET_AFTER_MS = 30
const LIMIT_BYTES = 600

export interface FaultProxy {
  readonly url: string
  close(): Promise<void>
}

/** A TCP proxy in front of `target` that has one fault. */
export async function faultProxy(target: string, fault: Fault): Promise<FaultProxy> {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  const server: Server = createServer({ allowHalfOpen: true }, (client) => {
    const service = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
    for (const socket of [client, service]) {
      sockets.add(socket)
      socket.on('error', () => {}).once('close', () => sockets.delete(socket))
    }
    void passOn(client, service, fault)
    void passOn(service, client, fault)
    client.once('close', () => service.destroy())
    service.once('close', () => fault === 'timeout' || client.destroySoon())
    if (fault === 'reset_peer') setTimeout(() => [client, service].forEach((socket) => socket.resetAndDestroy()), RESET_AFTER_MS)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    }
  }
}

async function passOn(from: Socket, to: Socket, fault: Fault): Promise<void> {
  let passedBytes = 0
  try {
    for await (const chunk of from as AsyncIterable<Buffer>) {
      if (fault === 'timeout') continue
      if (fault === 'latency') await pause(LATENCY_MS)
      const pieces = fault === 'slicer' || fault === 'bandwidth' ? Math.ceil(chunk.length / SLICE_BYTES) : 1
      const size = Math.ceil(chunk.length / pieces)
      for (let start = 0; start < chunk.length; start += size) {
        const piece = chunk.subarray(start, start + size)
        passedBytes += piece.length
        if (fault === 'limit_data' && passedBytes > LIMIT_BYTES) return void to.destroy()
        if (!to.destroyed) to.write(piece)
        if (pieces > 1) await pause(fault === 'bandwidth' ? 4 : 0)
      }
    }
    if (fault === 'slow_close') await pause(LATENCY_MS)
    to.end()
  } catch (error) {
    // A connection that the fault has broken.
    if (!to.destroyed) to.destroy(error as Error)
  }
}
