import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Config } from '../config/options.ts'
import { ServiceError } from '../errors.ts'

export type BodyLimits = Pick<Config, 'MAX_BODY_BYTES' | 'MAX_HELD_BYTES'>

/**
 * Limits the memory that request bodies take. A request reserves its announced size before its body is read, and
 * releases it when the response is sent or the client leaves. A chunked request, whose size is unknown, reserves
 * MAX_BODY_BYTES until its body has arrived.
 */
export class HeldBodies {
  readonly #limits: BodyLimits
  readonly #bytesByRequest = new Map<FastifyRequest['raw'], number>()
  #heldBytes = 0

  constructor(limits: BodyLimits) {
    this.#limits = limits
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  /** Throws `too_many_requests` when the body would exceed MAX_HELD_BYTES. */
  reserve({ headers, raw }: Pick<FastifyRequest, 'headers' | 'raw'>): void {
    const { MAX_BODY_BYTES, MAX_HELD_BYTES } = this.#limits
    const sizeBytes = headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : MAX_BODY_BYTES
    // Fastify rejects a body above MAX_BODY_BYTES without reading it.
    if (sizeBytes === 0 || sizeBytes > MAX_BODY_BYTES) return
    if (this.#heldBytes + sizeBytes > MAX_HELD_BYTES)
      throw new ServiceError(
        'too_many_requests',
        `this body of ${sizeBytes} bytes and the ${this.#heldBytes} bytes in progress exceed the limit of ${MAX_HELD_BYTES} (max-held-bytes); send fewer items or retry later`,
        { retryAfterSeconds: 1 }
      )
    this.#set(raw, sizeBytes)
  }

  /** Replaces the reservation by the size of the body that arrived. */
  arrived(request: Pick<FastifyRequest, 'raw'>, sizeBytes: number): void {
    if (this.#bytesByRequest.has(request.raw)) this.#set(request.raw, sizeBytes)
  }

  release(request: Pick<FastifyRequest, 'raw'>): void {
    this.#set(request.raw, 0)
  }

  #set(raw: FastifyRequest['raw'], sizeBytes: number): void {
    this.#heldBytes += sizeBytes - (this.#bytesByRequest.get(raw) ?? 0)
    if (sizeBytes === 0) this.#bytesByRequest.delete(raw)
    else this.#bytesByRequest.set(raw, sizeBytes)
  }
}

/** Applies `held` to all routes of this scope. The body parser calls `arrived`. */
export function registerHeldBodies(app: FastifyInstance, held: HeldBodies): void {
  app.addHook('onRequest', async (request, reply) => {
    if (reply.raw.destroyed) return
    held.reserve(request)
    reply.raw.once('close', () => held.release(request))
  })
}
