import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

export interface ReceivedRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  /** The JSON body; undefined without one. */
  readonly body: unknown
}

export interface PlannedAnswer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** A text is sent as it is, anything else as JSON. */
  readonly body: unknown
}

export interface AnsweringServer {
  readonly url: string
  readonly received: readonly ReceivedRequest[]
  close(): Promise<void>
}

/** An HTTP server that answers as `answer` says. */
export async function startAnswering(answer: (request: ReceivedRequest) => PlannedAnswer | Promise<PlannedAnswer>): Promise<AnsweringServer> {
  const received: ReceivedRequest[] = []
  const server = createServer((message, response) => {
    const reply = async (): Promise<void> => {
      const body = await text(message)
      const request = { method: message.method ?? '', path: message.url ?? '', headers: message.headers, body: body === '' ? undefined : JSON.parse(body) }
      received.push(request)
      const { status = 200, headers, body: answered } = await answer(request)
      response.writeHead(status, { 'content-type': 'application/json', ...headers })
      response.end(typeof answered === 'string' ? answered : JSON.stringify(answered))
    }
    reply().catch((error: unknown) => response.destroy(error as Error))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      })
  }
}
