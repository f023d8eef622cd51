import { join } from 'node:path'
import helmet from '@fastify/helmet'
import fastifyStatic from '@fastify/static'
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify'
import type { Config } from '../config/options.ts'
import type { Metrics } from '../observability/metrics.ts'
import { activeTracing } from '../observability/tracing.ts'
import { PACKAGE_FOLDER } from '../process/package-info.ts'
import { HeldBodies, registerHeldBodies } from './held-bodies.ts'
import { registerAuthentication } from './plugins/authentication.ts'
import { registerErrorHandler } from './plugins/error-handler.ts'
import { registerJsonBody } from './plugins/json-body.ts'
import { registerOpenapi } from './plugins/openapi.ts'
import { registerRequestContext, requestIdOf } from './plugins/request-context.ts'
import { registerTracing } from './plugins/tracing.ts'
import { answerClientError } from './problem.ts'
import { checkRoutes } from './routes/check.ts'
import { completionsRoutes } from './routes/completions.ts'
import { healthRoutes } from './routes/health.ts'
import { logprobRoutes } from './routes/logprob.ts'
import { lossRoutes } from './routes/loss.ts'
import { modelRoutes } from './routes/models.ts'
import { descriptionRoutes, operationRoutes } from './routes/operations.ts'
import { rerankRoutes } from './routes/rerank.ts'
import { tokenizeRoutes, tokenizerInfoRoutes } from './routes/tokenize.ts'
import { ScoringRequests } from './scoring-requests.ts'
import type { ServedModels } from './served-models.ts'

/** How often Node closes connections that passed a time limit. */
const CONNECTION_CHECK_MS = 1000

export interface AppParts {
  readonly config: Config
  readonly metrics: Metrics
  /** SHA-256 of each API key; when empty, no route asks for a key. */
  readonly apiKeyHashes: readonly Buffer[]
  readonly models: ServedModels
}

/** The Fastify app: plugins and routes, registered in the order in which their hooks run. */
export async function buildApp({ config, metrics, apiKeyHashes, models }: AppParts, log: FastifyBaseLogger): Promise<FastifyInstance> {
  const app = fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    requestIdHeader: false,
    genReqId: requestIdOf,
    bodyLimit: config.MAX_BODY_BYTES,
    requestTimeout: config.BODY_TIMEOUT_MS,
    keepAliveTimeout: config.KEEP_ALIVE_TIMEOUT_MS,
    http: { headersTimeout: config.HEADERS_TIMEOUT_MS, connectionsCheckingInterval: CONNECTION_CHECK_MS },
    clientErrorHandler: answerClientError,
    // A draining service still serves its open connections.
    return503OnClosing: false,
    // Fastify's defaults would turn 5 into "5" and drop misspelt fields.
    ajv: { customOptions: { allowUnionTypes: true, coerceTypes: false, removeAdditional: false, useDefaults: false, allErrors: false } }
  })
  // The response schemas only document. Serializing by them would drop unlisted fields and turn Infinity into null.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data))

  registerErrorHandler(app)
  const held = new HeldBodies(config)
  registerJsonBody(app, (request, sizeBytes) => held.arrived(request, sizeBytes))
  registerRequestContext(app, metrics, () => models.health().status === 'draining')
  const tracing = activeTracing()
  if (tracing !== null) registerTracing(app, tracing)
  // Only a gateway knows whether there is TLS. Both headers would send browsers of a plain-HTTP service to https.
  await app.register(helmet, { strictTransportSecurity: false, contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } } })
  await registerOpenapi(app, apiKeyHashes.length > 0)
  if (config.MANAGEMENT_PORT === 0) {
    await app.register(healthRoutes, { models })
    await app.register(operationRoutes, { metrics })
  }
  await app.register(descriptionRoutes)
  await app.register(async (scope) => {
    await registerAuthentication(scope, apiKeyHashes)
    registerHeldBodies(scope, held)
    await scope.register(modelRoutes, { models })
    await scope.register(tokenizeRoutes, { models })
    await scope.register(tokenizerInfoRoutes, { models, isEnabled: config.TOKENIZER_INFO })
    await scope.register(checkRoutes)
    const requests = new ScoringRequests({ config, apiKeyHashes, models })
    await scope.register(logprobRoutes, { requests })
    await scope.register(lossRoutes, { requests })
    await scope.register(completionsRoutes, { requests })
    await scope.register(rerankRoutes, { requests })
  })
  await app.register(fastifyStatic, { root: join(PACKAGE_FOLDER, 'web'), prefix: '/', wildcard: false, decorateReply: false })
  return app
}
