import { join } from 'node:path'
import accepts from '@fastify/accepts'
import helmet from '@fastify/helmet'
import fastifyStatic from '@fastify/static'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { ApiKeys } from '../config/api-keys.ts'
import type { Config } from '../config/options.ts'
import { corsOriginsOf } from '../config/web-settings.ts'
import type { Metrics } from '../observability/metrics.ts'
import { activeTracing } from '../observability/tracing.ts'
import { PACKAGE_FOLDER } from '../process/package-info.ts'
import { rerankTemplates } from '../rerank/template.ts'
import { createFastify } from './create-fastify.ts'
import { HeldBytes, registerHeldBytes } from './held-bytes.ts'
import { createHttpServer } from './http-server.ts'
import { registerLogprobLines } from './logprob-lines.ts'
import { registerAuthentication } from './plugins/authentication.ts'
import { registerBasePath, withoutBasePath } from './plugins/base-path.ts'
import { registerCors } from './plugins/cors.ts'
import { registerDeadline } from './plugins/deadline.ts'
import { registerErrorHandler } from './plugins/error-handler.ts'
import { registerHttpProtocol, registerUnknownPaths } from './plugins/http-protocol.ts'
import { type OnArrived, registerJsonBody } from './plugins/json-body.ts'
import { registerOpenapi } from './plugins/openapi.ts'
import { RateLimits, registerRateLimits } from './plugins/rate-limits.ts'
import { registerRequestContext } from './plugins/request-context.ts'
import { registerStaticFiles } from './plugins/static-files.ts'
import { registerTracing } from './plugins/tracing.ts'
import { registerWriteTimeout } from './plugins/write-timeout.ts'
import { chatCompletionsRoutes } from './routes/chat-completions.ts'
import { checkRoutes } from './routes/check.ts'
import { chooseRoutes } from './routes/choose.ts'
import { completionsRoutes } from './routes/completions.ts'
import { healthRoutes } from './routes/health.ts'
import { heuristicsRoutes } from './routes/heuristics.ts'
import { logprobRoutes } from './routes/logprob.ts'
import { lossRoutes } from './routes/loss.ts'
import { modelRoutes } from './routes/models.ts'
import { descriptionRoutes, operationRoutes } from './routes/operations.ts'
import { perplexityRoutes } from './routes/perplexity.ts'
import { rerankRoutes } from './routes/rerank.ts'
import { tokenizeRoutes, tokenizerInfoRoutes } from './routes/tokenize.ts'
import { ScoringRequests } from './scoring-requests.ts'
import type { ServedModels } from './served-models.ts'

export interface AppParts {
  readonly config: Config
  readonly metrics: Metrics
  readonly apiKeys: ApiKeys
  /** A connection of ioredis that counts requests; absent counts in this process. */
  readonly rateLimitRedis?: object | null
  readonly models: ServedModels
}

/** The Fastify app: plugins and routes, registered in the order in which their hooks run. */
export async function buildApp({ config, metrics, apiKeys, rateLimitRedis = null, models }: AppParts, log: FastifyBaseLogger): Promise<FastifyInstance> {
  const { server, connections, hasTimedOut } = createHttpServer(config, (request, response) => app.routing(request, response))
  const app: FastifyInstance = createFastify({
    server,
    log,
    bodyLimit: config.MAX_BODY_BYTES,
    rewriteUrl: ({ url = '' }) => withoutBasePath(url, config.BASE_PATH),
    // Fastify's defaults would turn 5 into "5" and drop misspelt fields.
    ajv: { customOptions: { allowUnionTypes: true, coerceTypes: false, removeAdditional: false, useDefaults: false, allErrors: false, verbose: true } }
  })
  registerErrorHandler(app, hasTimedOut)
  const held = new HeldBytes(config, () => models.backlogSeconds())
  const onArrived: OnArrived = (request, sizeBytes) => held.arrived(request, sizeBytes)
  registerJsonBody(app, config, onArrived)
  registerRequestContext(app, metrics, () => models.health().status === 'draining')
  const tracing = activeTracing()
  if (tracing !== null) registerTracing(app, tracing)
  registerHttpProtocol(app, connections)
  // Between the two: a page can read an error about its path, and no malformed request gets the answer to a preflight.
  await registerCors(app, corsOriginsOf(config))
  registerUnknownPaths(app, config.BASE_PATH)
  registerBasePath(app, config.BASE_PATH)
  registerWriteTimeout(app, config.WRITE_TIMEOUT_MS)
  // Only a gateway knows whether there is TLS. Both headers would send browsers of a plain-HTTP service to https.
  // The defaults allow styles and fonts of any other host.
  const directives = { upgradeInsecureRequests: null, styleSrc: ["'self'"], fontSrc: ["'self'"] }
  await app.register(helmet, { strictTransportSecurity: false, contentSecurityPolicy: { directives } })
  registerStaticFiles(app)
  await registerOpenapi(app, apiKeys.areRequired, config.BASE_PATH)
  if (config.MANAGEMENT_PORT === 0) {
    await app.register(healthRoutes, { models })
    await app.register(operationRoutes, { metrics })
  }
  await app.register(descriptionRoutes)
  await app.register(async (scope) => {
    await registerAuthentication(scope, apiKeys)
    registerDeadline(scope, { longestMs: config.DEADLINE_MS, isDraining: () => models.health().status === 'draining' })
    const rateLimits = new RateLimits(config)
    await registerRateLimits(scope, rateLimits, rateLimitRedis, () => metrics.uncountedRequests.inc())
    registerHeldBytes(scope, held, ({ client }) => client.client)
    await scope.register(modelRoutes, { models })
    const requests = new ScoringRequests({ config, models, rateLimits })
    await scope.register(tokenizeRoutes, { models, requests })
    await scope.register(tokenizerInfoRoutes, { models, isEnabled: config.TOKENIZER_INFO })
    await scope.register(checkRoutes)
    await scope.register(async (lines) => {
      await lines.register(accepts)
      registerLogprobLines(lines, config, onArrived)
      await lines.register(logprobRoutes, { requests })
    })
    await scope.register(lossRoutes, { requests })
    await scope.register(completionsRoutes, { requests })
    await scope.register(chatCompletionsRoutes, { requests })
    await scope.register(chooseRoutes, { requests })
    await scope.register(perplexityRoutes, { requests })
    await scope.register(heuristicsRoutes, { requests })
    await scope.register(rerankRoutes, { requests, templates: rerankTemplates(config.RERANK_TEMPLATE) })
  })
  await app.register(fastifyStatic, { root: join(PACKAGE_FOLDER, 'web'), prefix: '/', wildcard: false, decorateReply: false })
  return app
}
