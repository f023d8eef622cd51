import { join } from 'node:path'
import helmet from '@fastify/helmet'
import fastifyStatic from '@fastify/static'
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify'
import { PACKAGE_FOLDER } from '../process/package-info.ts'
import { HeldBodies, registerHeldBodies } from './held-bodies.ts'
import { registerAuthentication } from './plugins/authentication.ts'
import { registerErrorHandler } from './plugins/error-handler.ts'
import { registerJsonBody } from './plugins/json-body.ts'
import { registerOpenapi } from './plugins/openapi.ts'
import { registerRequestContext, requestIdOf } from './plugins/request-context.ts'
import { answerClientError } from './problem.ts'
import { checkRoutes } from './routes/check.ts'
import { completionsRoutes } from './routes/completions.ts'
import { healthRoutes } from './routes/health.ts'
import { logprobRoutes } from './routes/logprob.ts'
import { lossRoutes } from './routes/loss.ts'
import { modelRoutes } from './routes/models.ts'
import { operationRoutes } from './routes/operations.ts'
import { rerankRoutes } from './routes/rerank.ts'
import { tokenizeRoutes, tokenizerInfoRoutes } from './routes/tokenize.ts'
import { ScoringRequests } from './scoring-requests.ts'
import type { Service } from './served-model.ts'

/** How often Node looks for connections past their time. */
const CONNECTION_CHECK_MS = 1000

/** The HTTP side of the service: everything that is registered, in the order in which it applies. */
export async function buildApp(service: Service, log: FastifyBaseLogger): Promise<FastifyInstance> {
  const { config, metrics } = service
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
    // While draining, a connection that is still open is served and then closed.
    return503OnClosing: false,
    // Fastify's own settings would turn 5 into "5" and drop fields with a typo.
    ajv: { customOptions: { allowUnionTypes: true, coerceTypes: false, removeAdditional: false, useDefaults: false, allErrors: false } }
  })
  // Response schemas describe; serializing by them would drop what they do not name and turn Infinity into null.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data))

  registerErrorHandler(app)
  const held = new HeldBodies(config)
  registerJsonBody(app, (request, sizeBytes) => held.arrived(request, sizeBytes))
  registerRequestContext(app, metrics, () => service.health().status === 'draining')
  // Whether there is TLS is known to the gateway alone; both headers would send browsers of a plain service to https.
  await app.register(helmet, { strictTransportSecurity: false, contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } } })
  await registerOpenapi(app, service.apiKeyHashes.length > 0)
  await app.register(healthRoutes, { service })
  await app.register(operationRoutes, { service })
  await app.register(async (scope) => {
    await registerAuthentication(scope, service.apiKeyHashes)
    registerHeldBodies(scope, held)
    await scope.register(modelRoutes, { service })
    await scope.register(tokenizeRoutes, { service })
    await scope.register(tokenizerInfoRoutes, { service })
    await scope.register(checkRoutes)
    const requests = new ScoringRequests(service)
    await scope.register(logprobRoutes, { service, requests })
    await scope.register(lossRoutes, { requests })
    await scope.register(completionsRoutes, { service, requests })
    await scope.register(rerankRoutes, { service, requests })
  })
  await app.register(fastifyStatic, { root: join(PACKAGE_FOLDER, 'web'), prefix: '/', wildcard: false, decorateReply: false })
  return app
}
