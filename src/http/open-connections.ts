import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Config } from '../config/options.ts'
import { ServiceError } from '../errors.ts'
import { clientAddressOf } from './client-address.ts'

export type ConnectionLimits = Pick<Config, 'MAX_CONNECTIONS' | 'MAX_CONNECTIONS_PER_ADDRESS' | 'BODY_TIMEOUT_MS'>

/** Requests that one connection may send without waiting for their responses. */
const MAX_PIPELINED = 16
/** Time for the client to read the last bytes of a response, or the reason for a refusal, before its socket closes. */
const LINGER_MS = 1000
/** Connections above the limit that may wait for the reason at the same time. Node drops further ones unread. */
const REFUSED_CONNECTIONS = 64

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** The response before it on its connection. */
  readonly before: ServerResponse | undefined
}

interface Connection {
  readonly address: string
  readonly refusal: ServiceError | undefined
  /** Requests whose response has not been flushed. */
  requests: number
  latest: Exchange | undefined
  /** Whether the client sent something that is not HTTP. Nothing that it sends afterwards is read. */
  isBroken: boolean
}

/**
 * Tracks the connections of a server and bounds them, in all and per address, where an IPv6 network counts as one. A
 * connection above the limit may ask once, to be told why it is refused; it closes within a second. At the limit in
 * all, a new connection replaces the one that has been without a request for longest, so that connections that send
 * nothing keep nobody out.
 */
export class OpenConnections {
  readonly #maxConnections: number
  readonly #maxPerAddress: number
  readonly #bodyTimeoutMs: number
  readonly #bySocket = new Map<Socket, Connection>()
  readonly #countByAddress = new Map<string, number>()
  /** The one that has been without a request for longest comes first. */
  readonly #idle = new Set<Socket>()
  readonly #excess = new WeakSet<IncomingMessage>()
  #accepted = 0
  #refused = 0
  #isClosing = false

  constructor(server: Server, { MAX_CONNECTIONS, MAX_CONNECTIONS_PER_ADDRESS, BODY_TIMEOUT_MS }: ConnectionLimits) {
    this.#maxConnections = MAX_CONNECTIONS
    this.#maxPerAddress = MAX_CONNECTIONS_PER_ADDRESS > 0 ? MAX_CONNECTIONS_PER_ADDRESS : Math.ceil(MAX_CONNECTIONS / 2)
    this.#bodyTimeoutMs = BODY_TIMEOUT_MS
    server.maxConnections = MAX_CONNECTIONS + REFUSED_CONNECTIONS
    server.on('connection', (socket) => this.#open(socket))
  }

  get count(): number {
    return this.#bySocket.size
  }

  /**
   * Counts a request and calls `handle`, once the responses before it on its connection are flushed: handled at once,
   * the requests of one connection could open any number of files. Not called if the connection closes before.
   */
  begin(request: IncomingMessage, response: ServerResponse, handle: () => void): void {
    const { socket } = request
    const connection = this.#bySocket.get(socket)
    if (connection === undefined) return
    const before = connection.latest?.response
    connection.requests++
    connection.latest = { request, response, before }
    this.#idle.delete(socket)
    response.once('close', () => {
      connection.requests--
      if (connection.requests === 0) this.#becameIdle(socket)
    })
    const isNext = connection.requests === 1 || before === undefined
    // Those that are refused cost nothing.
    if (connection.requests > MAX_PIPELINED) this.#excess.add(request)
    if (isNext || this.#excess.has(request)) handle()
    else before.once('close', () => socket.destroyed || (connection.isBroken && !request.complete) || handle())
  }

  /** Why a request is not served, or undefined when it is. */
  refusalOf(request: IncomingMessage): ServiceError | undefined {
    if (this.#excess.has(request)) return tooMany(`this connection has ${MAX_PIPELINED} requests without a response, which is the limit: wait for responses`)
    return this.#bySocket.get(request.socket)?.refusal
  }

  /**
   * Ends a connection whose client sent something that is not HTTP: calls `answer` once the responses to its earlier
   * requests are flushed, and only the first time. If the fault is in the body of a request whose response has begun,
   * that response is the answer.
   */
  break(socket: Socket, answer: () => void): void {
    const connection = this.#bySocket.get(socket)
    if (connection === undefined) return answer()
    if (connection.isBroken) return
    connection.isBroken = true
    const { latest } = connection
    const isNewMessage = latest === undefined || latest.request.complete
    if (isNewMessage) return after(latest?.response, answer)
    after(latest.before, () => {
      if (latest.response.headersSent) after(latest.response, () => endWithin(socket, LINGER_MS))
      else answer()
    })
  }

  /**
   * Closes connections without a request now, and the others once their client has its response. Node's own
   * `closeIdleConnections` also closes those whose response is still being sent.
   */
  closeIdle(): void {
    for (const [socket, { requests }] of this.#bySocket) if (requests === 0) socket.destroy()
    if (this.#isClosing) return
    this.#isClosing = true
    // Node stops its own timeouts when the server closes.
    setTimeout(() => {
      for (const [socket, { latest }] of this.#bySocket) if (latest?.request.complete === false) socket.destroy()
    }, this.#bodyTimeoutMs).unref()
  }

  #open(socket: Socket): void {
    const address = clientAddressOf(socket)
    const refusal = this.#refusalFor(address)
    // The system counts them too, and above its limit it would drop everyone's.
    if (refusal !== undefined && this.#refused >= REFUSED_CONNECTIONS) return void socket.destroy()
    this.#bySocket.set(socket, { address, refusal, requests: 0, latest: undefined, isBroken: false })
    if (refusal !== undefined) {
      this.#refused++
      closeWithin(socket, LINGER_MS)
      socket.once('close', () => {
        this.#refused--
        this.#bySocket.delete(socket)
      })
      return
    }
    this.#accepted++
    this.#countByAddress.set(address, this.#ofAddress(address) + 1)
    this.#idle.add(socket)
    socket.once('close', () => this.#close(socket, address))
  }

  #close(socket: Socket, address: string): void {
    this.#accepted--
    this.#bySocket.delete(socket)
    this.#idle.delete(socket)
    const left = this.#ofAddress(address) - 1
    if (left === 0) this.#countByAddress.delete(address)
    else this.#countByAddress.set(address, left)
  }

  #ofAddress(address: string): number {
    return this.#countByAddress.get(address) ?? 0
  }

  #refusalFor(address: string): ServiceError | undefined {
    if (this.#ofAddress(address) >= this.#maxPerAddress)
      return tooMany(`this address has ${this.#maxPerAddress} connections, which is the limit (max-connections-per-address); reuse connections`)
    if (this.#accepted < this.#maxConnections) return undefined
    const [longestIdle] = this.#idle
    if (longestIdle === undefined) return tooMany(`${this.#maxConnections} connections are in use, which is the limit (max-connections); retry later`)
    longestIdle.destroy()
    return undefined
  }

  #becameIdle(socket: Socket): void {
    const connection = this.#bySocket.get(socket)
    if (connection === undefined || connection.refusal !== undefined) return
    this.#idle.add(socket)
    if (!this.#isClosing || socket.destroyed) return
    endWithin(socket, LINGER_MS)
  }
}

/** Calls `action` once a response is flushed or its client has left. */
function after(response: ServerResponse | undefined, action: () => void): void {
  if (response === undefined || response.closed) action()
  else response.once('close', action)
}

function tooMany(message: string): ServiceError {
  return new ServiceError('too_many_requests', message, { retryAfterSeconds: 1 })
}

function endWithin(socket: Socket, ms: number): void {
  socket.end()
  closeWithin(socket, ms)
}

/** Closing a socket with unread data resets it, and the client loses what was sent: it gets time to close first. */
export function closeWithin(socket: Socket, ms: number): void {
  const timer = setTimeout(() => socket.destroy(), ms)
  socket.once('close', () => clearTimeout(timer))
}
