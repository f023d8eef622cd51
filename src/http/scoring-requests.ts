import type { FastifyReply, FastifyRequest } from 'fastify'
import { ServiceError } from '../errors.ts'
import type { Service } from './service.ts'
import { workSignal } from './work-signal.ts'

/** What every route that scores begins with: the model, the limit of requests in progress, the deadline. One for all routes. */
export class ScoringRequests {
  readonly #service: Service
  #inProgress = 0

  constructor(service: Service) {
    this.#service = service
  }

  /** The loaded model. Throws `starting`, and `model_not_found` for the name of another. */
  model(name: string | undefined): ReturnType<Service['scoring']> {
    const scoring = this.#service.scoring()
    if (name !== undefined && name !== scoring.model.id)
      throw new ServiceError('model_not_found', `this service serves ${scoring.model.id}; GET /v1/models lists what there is`, { param: 'model' })
    return scoring
  }

  /**
   * Counts the request as in progress until it is answered, and starts its deadline. The signal aborts when that passes
   * or the client leaves. Throws `too_many_requests`.
   */
  begin(request: FastifyRequest, reply: FastifyReply): AbortSignal {
    const { MAX_REQUESTS, DEADLINE_MS } = this.#service.config
    if (this.#inProgress >= MAX_REQUESTS)
      throw new ServiceError('too_many_requests', `${this.#inProgress} requests are in progress, which is the limit`, { retryAfterSeconds: 1 })
    const signal = workSignal(request, reply, DEADLINE_MS)
    if (!reply.raw.destroyed) {
      this.#inProgress++
      reply.raw.once('close', () => this.#inProgress--)
    }
    return signal
  }
}
