import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { pause } from '../../support/running-service.ts'

/** A request whose response has some 270 kB per prompt. */
export function largeRequest(prompts: number): string {
  const prompt = Array.from({ length: prompts }, (_, i) => Array.from({ length: 480 }, (_, j) => (i * 7 + j * 13) % 4000))
  const body = JSON.stringify({ prompt, max_tokens: 0, echo: true, logprobs: 20 })
  return `POST /v1/completions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
}

/** Opens a connection that sends `request` and reads nothing until `readAt` is called. */
export async function openUnread(url: string, request: string, localAddress?: string): Promise<Socket> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), ...(localAddress === undefined ? {} : { localAddress }) })
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.pause()
  socket.write(request)
  return socket
}

export interface Received {
  readonly bytes: number
  /** Size of the headers and of the body that they announce; 0 if no headers came. */
  readonly announcedBytes: number
}

/** Reads at this rate until the response is whole or the connection closes. `onProgress` gets the bytes so far. */
export async function readAt(socket: Socket, bytesPerSecond: number, onProgress: (received: Received) => void): Promise<Received> {
  let bytes = 0
  let announcedBytes = 0
  let head = ''
  let isClosed = false
  socket.once('close', () => {
    isClosed = true
  })
  const startMs = performance.now()
  while (!isClosed && (announcedBytes === 0 || bytes < announcedBytes)) {
    const allowed = ((performance.now() - startMs) / 1000) * bytesPerSecond
    for (let chunk: Buffer | null = null; bytes <= allowed; bytes += chunk.length) {
      chunk = socket.read() as Buffer | null
      if (chunk === null) break
      if (announcedBytes === 0) {
        head += chunk.toString('latin1')
        const length = /content-length: (\d+)/i.exec(head)?.[1]
        if (length !== undefined && head.includes('\r\n\r\n')) announcedBytes = Number(length) + head.indexOf('\r\n\r\n') + 4
      }
    }
    onProgress({ bytes, announcedBytes })
    await pause(20)
  }
  return { bytes, announcedBytes }
}
