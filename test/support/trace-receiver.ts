/** A collector that keeps what it receives by OTLP over HTTP, in the JSON form of the protocol. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

type Value = { readonly stringValue?: string; readonly intValue?: number | string; readonly doubleValue?: number }

interface Attribute {
  readonly key: string
  readonly value: Value
}

export interface ReceivedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: readonly Attribute[]
  readonly status: { readonly code?: number }
}

interface ExportRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] }
    readonly scopeSpans: readonly { readonly spans: readonly ReceivedSpan[] }[]
  }[]
}

export interface TraceReceiver {
  readonly url: string
  /** Bodies as they came. */
  readonly bodies: readonly string[]
  readonly paths: readonly string[]
  spans(): ReceivedSpan[]
  /** Attributes of the resources, by name. */
  resource(): Readonly<Record<string, Value>>
  close(): void
}

export async function startTraceReceiver(): Promise<TraceReceiver> {
  const bodies: string[] = []
  const paths: string[] = []
  const server = createServer(async (request, response) => {
    paths.push(request.url ?? '')
    bodies.push(await text(request))
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const received = () => bodies.flatMap((body) => (JSON.parse(body) as ExportRequest).resourceSpans)
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bodies,
    paths,
    spans: () => received().flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
    resource: () => Object.fromEntries(received().flatMap(({ resource }) => resource.attributes.map(({ key, value }) => [key, value]))),
    close() {
      server.closeAllConnections()
      server.close()
    }
  }
}
