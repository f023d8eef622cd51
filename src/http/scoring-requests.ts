import type { FastifyReply, FastifyRequest } from 'fastify'
import { ServiceError } from '../errors.ts'
import { selectModel } from './select-model.ts'
import type { ScoringModel, Service } from './served-model.ts'
import { type RequestTerms, workTerms } from './work-signal.ts'

type Needed = Pick<Service, 'apiKeyHashes' | 'config' | 'modelIds' | 'scoring'>

/** What every route that scores begins with: the model, the limit of requests in progress, the deadline. One for all routes and models. */
export class ScoringRequests {
  readonly #service: Needed
  #inProgress = 0

  constructor(service: Needed) {
    this.#service = service
  }

  /** The model that the request names, by whose id its log lines can be told from now on. Throws what `selectModel` throws. */
  model(request: FastifyRequest<{ Body: { readonly model?: string | null } }>): ScoringModel {
    const scoring = selectModel(this.#service, request.body.model ?? undefined)
    request.log = request.log.child({ model: scoring.model.id })
    return scoring
  }

  /**
   * Counts the request as in progress until it is answered, and starts its deadline. The signal aborts when that passes
   * or the client leaves. Throws `too_many_requests`, and
   * `invalid_request` for a priority that there is not.
   */
  begin(request: FastifyRequest, reply: FastifyReply): RequestTerms {
    const { MAX_REQUESTS, DEADLINE_MS } = this.#service.config
    if (this.#inProgress >= MAX_REQUESTS)
      throw new ServiceError('too_many_requests', `${this.#inProgress} requests are in progress, which is the limit`, { retryAfterSeconds: 1 })
    const terms = workTerms(request, reply, { longestMs: DEADLINE_MS, hasKeys: this.#service.apiKeyHashes.length > 0 })
    if (!reply.raw.destroyed) {
      this.#inProgress++
      reply.raw.once('close', () => this.#inProgress--)
    }
    return terms
  }
}
