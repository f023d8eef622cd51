import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'

/** What a page may read besides the body: when to retry, what is left of its limits, and the id to report. */
const EXPOSED_HEADERS = ['retry-after', 'retry-after-ms', 'x-should-retry', 'ratelimit', 'ratelimit-policy', 'x-request-id']

/** Methods of the API. Browsers send GET, HEAD and POST after any preflight that succeeds. */
const METHODS = ['GET', 'HEAD', 'POST', 'DELETE']

/** How long a browser may keep the answer to a preflight, in seconds. Chromium keeps it for two hours at most. */
const MAX_AGE_SECONDS = 3600

/**
 * Lets pages of the listed origins read responses; with `*` every page, with an empty list none. A preflight is
 * answered before keys are checked, because browsers send none with it. Credentials stay off, so that no cookie or
 * password of a browser counts; a page sends its API key itself. Any header may be sent: SDKs add their own.
 */
export async function registerCors(app: FastifyInstance, origins: readonly string[]): Promise<void> {
  if (origins.length === 0) return
  await app.register(cors, {
    origin: origins.includes('*') ? '*' : [...origins],
    credentials: false,
    methods: METHODS,
    exposedHeaders: EXPOSED_HEADERS,
    maxAge: MAX_AGE_SECONDS,
    // Other OPTIONS requests then reach `registerUnknownPaths`.
    strictPreflight: false,
    preflightContinue: true
  })
  app.addHook('onRequest', async ({ method, headers }, reply) => {
    const isPreflight = method === 'OPTIONS' && headers.origin !== undefined && headers['access-control-request-method'] !== undefined
    if (isPreflight) return reply.code(204).send()
  })
}
