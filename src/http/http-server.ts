import { createServer, type RequestListener, type Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Config } from '../config/options.ts'
import { ServiceError } from '../errors.ts'
import { type ConnectionLimits, closeWithin, OpenConnections } from './open-connections.ts'
import { problemText } from './problem.ts'

/** How often Node closes connections that passed a time limit. */
const CONNECTION_CHECK_MS = 1000
/** Time for a client to read why its connection closes. */
const LINGER_MS = 1000

export type ServerSettings = ConnectionLimits & Pick<Config, 'HEADERS_TIMEOUT_MS' | 'BODY_TIMEOUT_MS' | 'KEEP_ALIVE_TIMEOUT_MS'>

export interface HttpServer {
  readonly server: Server
  readonly connections: OpenConnections
  /** Whether the connection of a request was closed because the request did not arrive in time. */
  hasTimedOut(socket: Socket): boolean
}

/**
 * A server with time limits and bounded connections. Every request reaches `handle`, also those that Node would
 * answer by itself, and whatever is not HTTP gets an error body too. `server.close()` waits until responses are
 * flushed.
 */
export function createHttpServer(settings: ServerSettings, handle: RequestListener, maxHeaderBytes?: number): HttpServer {
  const onRequest: RequestListener = (request, response) => connections.begin(request, response, () => handle(request, response))
  const server = createServer(
    {
      ...(maxHeaderBytes === undefined ? {} : { maxHeaderSize: maxHeaderBytes }),
      headersTimeout: settings.HEADERS_TIMEOUT_MS,
      requestTimeout: settings.BODY_TIMEOUT_MS,
      keepAliveTimeout: settings.KEEP_ALIVE_TIMEOUT_MS,
      connectionsCheckingInterval: CONNECTION_CHECK_MS,
      // http/plugins/http-protocol.ts checks the header; Node would answer with an empty body.
      requireHostHeader: false
    },
    onRequest
  )
  const connections = new OpenConnections(server, settings)
  const timedOut = new WeakSet<Socket>()
  // Node would silently drop headers above 2,000. Their size is limited anyway.
  server.maxHeadersCount = 0
  server.closeIdleConnections = () => connections.closeIdle()
  server.on('checkContinue', onRequest)
  server.on('checkExpectation', onRequest)
  server.on('connect', (_, socket: Socket) =>
    connections.break(socket, () => refuse(socket, new ServiceError('method_not_allowed', 'this service is not a proxy and does not support CONNECT')))
  )
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') timedOut.add(socket)
    if (error.code === 'ECONNRESET' || socket.destroyed) return void socket.destroy()
    connections.break(socket, () => refuse(socket, problemOfClient(error)))
  })
  return { server, connections, hasTimedOut: (socket) => timedOut.has(socket) }
}

/** The problem of a client whose request never reached a route: it arrived too slowly or is not HTTP. */
function problemOfClient({ code }: NodeJS.ErrnoException): ServiceError {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new ServiceError(
      'request_timeout',
      'the request did not arrive within the time limit (headers-timeout-ms, body-timeout-ms); send the whole body at once'
    )
  if (code === 'HPE_HEADER_OVERFLOW') return new ServiceError('headers_too_large', 'the request line and headers exceed 16 KiB; send fewer or shorter headers')
  return new ServiceError('invalid_request', 'the request is not valid HTTP/1.1')
}

/** Answers without a response object, and closes the socket even if the client never does. */
function refuse(socket: Socket, failure: ServiceError): void {
  socket.on('error', () => socket.destroy())
  // Otherwise the last response asked to close, and is still being sent.
  if (socket.writable) socket.end(problemText(failure))
  closeWithin(socket, LINGER_MS)
}
