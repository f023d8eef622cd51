import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Config } from '../config/options.ts'
import { ServiceError } from '../errors.ts'

export type HeldLimits = Pick<Config, 'MAX_BODY_BYTES' | 'MAX_HELD_BYTES' | 'MAX_HELD_BYTES_PER_CLIENT'>

/** Smaller responses are not counted: the socket buffers of the kernel take them at once. */
const COUNTED_RESPONSE_BYTES = 65_536

interface Held {
  readonly client: string
  bytes: number
}

/**
 * Limits the memory that request bodies and unread responses take, in all and per client. A request reserves its
 * announced size before its body is read; a chunked request, whose size is unknown, reserves MAX_BODY_BYTES until its
 * body has arrived. Its response is added when it is sent. All is released when the client has read the response or
 * has left.
 */
export class HeldBytes {
  readonly #maxBodyBytes: number
  readonly #maxBytes: number
  readonly #maxBytesPerClient: number
  readonly #byRequest = new Map<FastifyRequest['raw'], Held>()
  readonly #bytesByClient = new Map<string, number>()
  readonly #backlogSeconds: () => number
  #heldBytes = 0

  /** `backlogSeconds` is the time of the queued work: what a refused client is asked to wait. */
  constructor({ MAX_BODY_BYTES, MAX_HELD_BYTES, MAX_HELD_BYTES_PER_CLIENT }: HeldLimits, backlogSeconds: () => number = () => 1) {
    this.#backlogSeconds = backlogSeconds
    this.#maxBodyBytes = MAX_BODY_BYTES
    this.#maxBytes = MAX_HELD_BYTES
    this.#maxBytesPerClient = MAX_HELD_BYTES_PER_CLIENT > 0 ? MAX_HELD_BYTES_PER_CLIENT : Math.max(MAX_BODY_BYTES, MAX_HELD_BYTES / 2)
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  /** The bytes of one client. */
  heldBy(client: string): number {
    return this.#bytesByClient.get(client) ?? 0
  }

  /** Throws `too_many_requests` when the body would exceed MAX_HELD_BYTES_PER_CLIENT or MAX_HELD_BYTES. */
  reserve({ headers, raw }: Pick<FastifyRequest, 'headers' | 'raw'>, client: string): void {
    const sizeBytes = headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : this.#maxBodyBytes
    // Fastify rejects a body above MAX_BODY_BYTES without reading it.
    const willBeRead = sizeBytes <= this.#maxBodyBytes
    if (willBeRead) this.#checkRoom(client, sizeBytes, 'this body')
    this.#byRequest.set(raw, { client, bytes: 0 })
    this.#add(raw, willBeRead ? sizeBytes : 0)
  }

  /** Replaces the reservation by the size of the body that arrived. */
  arrived({ raw }: Pick<FastifyRequest, 'raw'>, sizeBytes: number): void {
    const held = this.#byRequest.get(raw)
    if (held !== undefined) this.#add(raw, sizeBytes - held.bytes)
  }

  /**
   * Adds a response. Throws `too_many_requests` when it would exceed a limit, unless nothing else is held against that
   * limit: a single response may be larger than all bodies together.
   */
  responding({ raw }: Pick<FastifyRequest, 'raw'>, sizeBytes: number): void {
    const held = this.#byRequest.get(raw)
    if (held === undefined || sizeBytes < COUNTED_RESPONSE_BYTES) return
    this.#checkRoom(held.client, sizeBytes, 'this response', held.bytes)
    this.#add(raw, sizeBytes)
  }

  release({ raw }: Pick<FastifyRequest, 'raw'>): void {
    const held = this.#byRequest.get(raw)
    if (held === undefined) return
    this.#add(raw, -held.bytes)
    this.#byRequest.delete(raw)
  }

  /** With `ownBytes`, the bytes that the request holds itself, the request may exceed a limit where it is alone. */
  #checkRoom(client: string, sizeBytes: number, what: string, ownBytes?: number): void {
    const limits = [
      { heldBytes: this.heldBy(client), limitBytes: this.#maxBytesPerClient, of: 'of this client', name: 'max-held-bytes-per-client' },
      { heldBytes: this.#heldBytes, limitBytes: this.#maxBytes, of: 'of all clients', name: 'max-held-bytes' }
    ]
    for (const { heldBytes, limitBytes, of, name } of limits) {
      if (heldBytes + sizeBytes <= limitBytes || heldBytes === ownBytes) continue
      throw new ServiceError(
        'too_many_requests',
        `${what} of ${sizeBytes} bytes and the ${heldBytes} bytes ${of} in progress exceed the limit of ${limitBytes} (${name}); read responses as they arrive, send fewer items or retry later`,
        { retryAfterSeconds: this.#backlogSeconds() }
      )
    }
  }

  #add(raw: FastifyRequest['raw'], sizeBytes: number): void {
    const held = this.#byRequest.get(raw)
    if (held === undefined) return
    held.bytes += sizeBytes
    this.#heldBytes += sizeBytes
    const ofClient = this.heldBy(held.client) + sizeBytes
    if (ofClient === 0) this.#bytesByClient.delete(held.client)
    else this.#bytesByClient.set(held.client, ofClient)
  }
}

/** Applies `held` to all routes of this scope. The body parser calls `arrived`. */
export function registerHeldBytes(app: FastifyInstance, held: HeldBytes, clientOf: (request: FastifyRequest) => string): void {
  app.addHook('onRequest', async (request, reply) => {
    if (reply.raw.destroyed) return
    held.reserve(request, clientOf(request))
    reply.raw.once('close', () => held.release(request))
  })
  app.addHook('onSend', async (request, reply, payload) => {
    const sizeBytes = responseBytes(reply, payload)
    if (sizeBytes !== undefined) held.responding(request, sizeBytes)
    return payload
  })
}

/** Size of a response in bytes; undefined for a stream that does not state its size. */
export function responseBytes(reply: FastifyReply, payload: unknown): number | undefined {
  if (typeof payload === 'string' || Buffer.isBuffer(payload)) return Buffer.byteLength(payload)
  const stated = reply.getHeader('content-length')
  return stated === undefined ? undefined : Number(stated)
}
