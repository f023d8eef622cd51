import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Config } from '../config/options.ts'
import { ServiceError } from '../errors.ts'
import type { RateLimits } from './plugins/rate-limits.ts'
import { selectModel } from './select-model.ts'
import type { ScoringModel, ServedModels } from './served-models.ts'

export interface ScoringSettings {
  readonly config: Pick<Config, 'MAX_ITEMS' | 'MAX_REQUESTS' | 'MAX_HELD_BYTES'>
  readonly models: Pick<ServedModels, 'ids' | 'scoring' | 'backlogSeconds'>
  readonly rateLimits: Pick<RateLimits, 'spendTokens'>
}

/** For whom a request is scored and for how long: the `WorkTerms` of the scheduler, with nothing left out. */
export interface RequestTerms {
  /** Aborts when the client leaves or the deadline passes. */
  readonly signal: AbortSignal
  /** In milliseconds of `performance.now()`. */
  readonly deadlineAtMs: number
  /** Identifies the client, so that the scheduler can take turns between clients. */
  readonly client: string
  readonly priority: 'interactive' | 'batch'
  readonly onAdmitted: (tokens: number) => void
}

/** Share of MAX_REQUESTS that one client may have in progress, so that the others find room. */
const CLIENT_SHARE = 0.75
/**
 * Bytes of a body per token, a first guess that the scheduler corrects by what requests turn out to need: English text
 * has four to five bytes per token, other languages and the JSON around it fewer tokens.
 */
const BYTES_PER_TOKEN = 8

/** The steps that every scoring route begins with. One instance counts the requests of all routes and models. */
export class ScoringRequests {
  readonly #settings: ScoringSettings
  readonly #inProgress = new Map<string, number>()
  #total = 0

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

  /** Throws `invalid_request` when a response, all of which is held in memory, would have more than MAX_HELD_BYTES. */
  checkAnswerSize(sizeBytes: number): void {
    const { MAX_HELD_BYTES } = this.#settings.config
    if (sizeBytes <= MAX_HELD_BYTES) return
    throw new ServiceError(
      'invalid_request',
      `the response would have about ${sizeBytes} bytes; the limit is ${MAX_HELD_BYTES} (max-held-bytes): split the request, lower top_logprobs, or accept application/x-ndjson, which is streamed`,
      { param: 'top_logprobs' }
    )
  }

  /**
   * An `onRequest` hook of the routes that use the engine. Rejects before the body is read, with what `begin` throws:
   * under overload most of the processor's time would go into reading what is refused afterwards. Decides by the
   * announced size of the body, so only where there is one, and only where the request cannot name another model. For
   * a chunked body `begin` decides, by the size that arrived.
   */
  readonly refuseBeforeBody = async (request: FastifyRequest): Promise<void> => {
    const { models } = this.#settings
    const [only, ...others] = models.ids
    const announced = request.headers['content-length']
    if (only === undefined || others.length > 0 || announced === undefined) return
    const { assertRoom } = models.scoring(only)
    this.#assertPermit(request.client.client)
    assertRoom(guessedTokens(Number(announced)), 1, this.terms(request))()
  }

  /**
   * Counts the request as in progress until its connection closes or its response is sent. Throws `too_many_requests`,
   * `queue_full` when there is no room for the tokens that it probably has, and `invalid_request` when the header
   * x-priority has an unknown value.
   */
  begin(request: FastifyRequest, reply: FastifyReply, { assertRoom }: Pick<ScoringModel, 'assertRoom'>, items: number): RequestTerms {
    const { client } = request.client
    this.#assertPermit(client)
    const terms = this.terms(request)
    const release = assertRoom(guessedTokens(request.bodyBytes), items, terms)
    if (reply.raw.destroyed) {
      release()
      return terms
    }
    this.#count(client, 1)
    reply.raw.once('close', () => {
      release()
      this.#count(client, -1)
    })
    return terms
  }

  /** The terms of a request that needs no engine, without counting it. Throws `invalid_request` as `begin` does. */
  terms(request: FastifyRequest): RequestTerms {
    const { client, deadline } = request
    return {
      signal: deadline.signal,
      deadlineAtMs: deadline.atMs,
      client: client.client,
      priority: priorityOf(request),
      onAdmitted: (tokens) => this.#settings.rateLimits.spendTokens(client, tokens)
    }
  }

  #assertPermit(client: string): void {
    const { config, models } = this.#settings
    const retryAfterSeconds = models.backlogSeconds()
    if (this.#total >= config.MAX_REQUESTS)
      throw new ServiceError('too_many_requests', `${this.#total} requests are in progress, which is the limit (max-requests); retry later`, {
        retryAfterSeconds
      })
    const own = this.#inProgress.get(client) ?? 0
    const ownLimit = Math.ceil(CLIENT_SHARE * config.MAX_REQUESTS)
    if (own >= ownLimit)
      throw new ServiceError(
        'too_many_requests',
        `${own} requests of this client are in progress, and one client may have ${ownLimit}, three quarters of max-requests; retry later`,
        { retryAfterSeconds }
      )
  }

  #count(client: string, change: 1 | -1): void {
    const own = (this.#inProgress.get(client) ?? 0) + change
    if (own === 0) this.#inProgress.delete(client)
    else this.#inProgress.set(client, own)
    this.#total += change
  }
}

function guessedTokens(sizeBytes: number): number {
  return Math.max(1, sizeBytes / BYTES_PER_TOKEN)
}

function priorityOf({ headers }: FastifyRequest): RequestTerms['priority'] {
  const given = headers['x-priority'] ?? 'interactive'
  if (given === 'interactive' || given === 'batch') return given
  throw new ServiceError('invalid_request', 'the header x-priority must be interactive or batch; omit it for interactive', { param: 'x-priority' })
}
