import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance } from 'fastify'
import type { Config } from '../../config/options.ts'
import { ServiceError } from '../../errors.ts'
import type { Client } from './authentication.ts'
import { withoutFailures } from './shared-counts.ts'
import { TokenBudgets } from './token-budgets.ts'

const WINDOW_MS = 60_000

export type RateLimitSettings = Pick<Config, 'REQUESTS_PER_MINUTE' | 'TOKENS_PER_MINUTE'>

/** One limit of a client, as the headers `RateLimit` and `RateLimit-Policy` show it. */
interface LimitState {
  readonly name: 'requests' | 'tokens'
  readonly limit: number
  readonly remaining: number
  /** Until the whole limit is available again. */
  readonly resetSeconds: number
}

/** The limits per minute of each client. A limit of 0 is none. */
export class RateLimits {
  readonly #settings: RateLimitSettings
  readonly #tokens: TokenBudgets

  constructor(settings: RateLimitSettings, now: () => number = () => performance.now()) {
    this.#settings = settings
    this.#tokens = new TokenBudgets(now)
  }

  requestsPerMinute({ requestsPerMinute }: Client): number {
    return requestsPerMinute ?? this.#settings.REQUESTS_PER_MINUTE
  }

  /** Charges a client for the tokens that the engine computes for it. */
  spendTokens(client: Client, tokens: number): void {
    const limit = this.#tokensPerMinute(client)
    if (limit > 0) this.#tokens.spend(client.client, tokens, limit)
  }

  /** Throws `rate_limit_exceeded` while the client has spent its tokens. */
  assertTokensLeft(client: Client): void {
    const limit = this.#tokensPerMinute(client)
    const waitMs = limit > 0 ? this.#tokens.waitMs(client.client, limit) : 0
    if (waitMs > 0) throw exceeded('tokens', limit, waitMs / 1000)
  }

  tokenState(client: Client): LimitState[] {
    const limit = this.#tokensPerMinute(client)
    if (limit === 0) return []
    const left = this.#tokens.left(client.client, limit)
    return [{ name: 'tokens', limit, remaining: Math.max(0, Math.floor(left)), resetSeconds: Math.ceil(((limit - left) / limit) * 60) }]
  }

  #tokensPerMinute({ tokensPerMinute }: Client): number {
    return tokensPerMinute ?? this.#settings.TOKENS_PER_MINUTE
  }
}

/**
 * Applies the limits to all routes of this scope, whose authentication comes first. `redis` is a connection of ioredis
 * through which several replicas count requests together; null counts in this process. While Redis fails, requests are
 * let in without being counted, which `uncounted` is told.
 */
export async function registerRateLimits(app: FastifyInstance, limits: RateLimits, redis: object | null, uncounted: () => void): Promise<void> {
  await app.register(rateLimit, { global: false, hook: 'onRequest', ...(redis === null ? {} : { redis, nameSpace: 'logpr-requests-' }) })
  const counter = app.createRateLimit({
    max: (request) => limits.requestsPerMinute(request.client),
    timeWindow: WINDOW_MS,
    keyGenerator: (request) => request.client.client
  })
  const countRequest = withoutFailures(counter, { log: app.log, uncounted })
  app.decorateRequest('requestLimit', null)
  app.addHook('onRequest', async (request) => {
    const limit = limits.requestsPerMinute(request.client)
    if (limit > 0) {
      const counted = await countRequest(request)
      if (counted !== null && !counted.isAllowed) {
        request.requestLimit = { name: 'requests', limit, remaining: counted.remaining, resetSeconds: counted.ttlInSeconds }
        if (counted.isExceeded) throw exceeded('requests', limit, counted.ttlInSeconds)
      }
    }
    limits.assertTokensLeft(request.client)
  })
  app.addHook('onSend', (request, reply, payload, done) => {
    // Absent where authentication failed.
    const states = request.client === undefined ? [] : [...(request.requestLimit === null ? [] : [request.requestLimit]), ...limits.tokenState(request.client)]
    if (states.length > 0) {
      reply.header('ratelimit-policy', states.map(({ name, limit }) => `"${name}";q=${limit};w=60`).join(', '))
      reply.header('ratelimit', states.map(({ name, remaining, resetSeconds }) => `"${name}";r=${remaining};t=${resetSeconds}`).join(', '))
    }
    done(null, payload)
  })
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Null where requests are not limited. */
    requestLimit: LimitState | null
  }
}

function exceeded(unit: LimitState['name'], limit: number, retryAfterSeconds: number): ServiceError {
  return new ServiceError('rate_limit_exceeded', `this client has used its ${limit} ${unit} per minute (${unit}-per-minute); retry later`, {
    retryAfterSeconds
  })
}
