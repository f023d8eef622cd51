import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ServiceError } from '../errors.ts'

/** The limits that count here, in bytes. */
export interface BodyLimits {
  /** Of one body. */
  readonly MAX_BODY_BYTES: number
  /** Of the bodies of all requests in progress. */
  readonly MAX_HELD_BYTES: number
}

/**
 * Bounds the memory of bodies: a request takes the bytes that it announces before any of them is read, and gives them
 * back when it is answered or its client leaves. One that does not say how long it is takes the most that is allowed,
 * until it has arrived.
 */
export class HeldBodies {
  readonly #limits: BodyLimits
  readonly #bytesByRequest = new Map<FastifyRequest['raw'], number>()
  #heldBytes = 0

  constructor(limits: BodyLimits) {
    this.#limits = limits
  }

  /** Bytes taken at present. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** Throws `too_many_requests` when there is no room. */
  take(request: Pick<FastifyRequest, 'headers' | 'raw'>): void {
    const { MAX_BODY_BYTES, MAX_HELD_BYTES } = this.#limits
    const sizeBytes = announcedBytes(request, MAX_BODY_BYTES)
    // Refused as too large once Fastify looks at it.
    if (sizeBytes === 0 || sizeBytes > MAX_BODY_BYTES) return
    if (this.#heldBytes + sizeBytes > MAX_HELD_BYTES)
      throw new ServiceError(
        'too_many_requests',
        `requests with ${this.#heldBytes} bytes are in progress, and ${sizeBytes} more would pass the limit of ${MAX_HELD_BYTES}; send less at once, or later`,
        { retryAfterSeconds: 1 }
      )
    this.#set(request.raw, sizeBytes)
  }

  /** The body has arrived: it counts with its size. */
  arrived(request: Pick<FastifyRequest, 'raw'>, sizeBytes: number): void {
    if (this.#bytesByRequest.has(request.raw)) this.#set(request.raw, sizeBytes)
  }

  giveBack(request: Pick<FastifyRequest, 'raw'>): void {
    this.#set(request.raw, 0)
  }

  #set(raw: FastifyRequest['raw'], sizeBytes: number): void {
    this.#heldBytes += sizeBytes - (this.#bytesByRequest.get(raw) ?? 0)
    if (sizeBytes === 0) this.#bytesByRequest.delete(raw)
    else this.#bytesByRequest.set(raw, sizeBytes)
  }
}

/** Counts the bodies of all routes of this scope. The parser of bodies tells `held` when one has arrived. */
export function registerHeldBodies(app: FastifyInstance, held: HeldBodies): void {
  app.addHook('onRequest', async (request, reply) => {
    if (reply.raw.destroyed) return
    held.take(request)
    reply.raw.once('close', () => held.giveBack(request))
  })
}

function announcedBytes({ headers }: Pick<FastifyRequest, 'headers'>, mostBytes: number): number {
  if (headers['transfer-encoding'] !== undefined) return mostBytes
  return Number(headers['content-length'] ?? 0)
}
