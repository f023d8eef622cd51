import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Config } from '../config/options.ts'
import { ServiceError } from '../errors.ts'
import { type RequestTerms, requestTermsOf } from './request-terms.ts'
import { selectModel } from './select-model.ts'
import type { ScoringModel, ServedModels } from './served-models.ts'

export interface ScoringSettings {
  readonly config: Pick<Config, 'DEADLINE_MS' | 'MAX_ITEMS' | 'MAX_REQUESTS'>
  readonly apiKeyHashes: readonly Buffer[]
  readonly models: Pick<ServedModels, 'ids' | 'scoring'>
}

/** The steps that every scoring route begins with. One instance counts the requests of all routes and models. */
export class ScoringRequests {
  readonly #settings: ScoringSettings
  #inProgress = 0

  constructor(settings: ScoringSettings) {
    this.#settings = settings
  }

  /**
   * The model that the request names; the request's log lines carry its id from now on. Throws what `selectModel`
   * throws.
   */
  model(request: FastifyRequest<{ Body: { readonly model?: string | null } }>): ScoringModel {
    const scoring = selectModel(this.#settings.models, request.body.model ?? undefined)
    request.log = request.log.child({ model: scoring.model.id })
    return scoring
  }

  /** Throws `invalid_request` when a request has more items than MAX_ITEMS. `noun` is what the route calls them. */
  checkItemCount(count: number, noun: string, param?: string): void {
    const { MAX_ITEMS } = this.#settings.config
    if (count <= MAX_ITEMS) return
    throw new ServiceError('invalid_request', `the request has ${count} ${noun}; the limit is ${MAX_ITEMS} (max-items): split the request`, {
      ...(param === undefined ? {} : { param })
    })
  }

  /**
   * Counts the request as in progress until its connection closes or its response is sent, and starts its deadline.
   * Throws `too_many_requests`, and what `requestTermsOf` throws.
   */
  begin(request: FastifyRequest, reply: FastifyReply): RequestTerms {
    const { config } = this.#settings
    if (this.#inProgress >= config.MAX_REQUESTS)
      throw new ServiceError('too_many_requests', `${this.#inProgress} requests are in progress, which is the limit (max-requests); retry later`, {
        retryAfterSeconds: 1
      })
    const terms = this.terms(request, reply)
    if (!reply.raw.destroyed) {
      this.#inProgress++
      reply.raw.once('close', () => this.#inProgress--)
    }
    return terms
  }

  /**
   * Starts the deadline of a request that needs no engine, without counting it. Throws what `requestTermsOf` throws.
   */
  terms(request: FastifyRequest, reply: FastifyReply): RequestTerms {
    const { config, apiKeyHashes } = this.#settings
    return requestTermsOf(request, reply, { longestMs: config.DEADLINE_MS, hasKeys: apiKeyHashes.length > 0 })
  }
}
