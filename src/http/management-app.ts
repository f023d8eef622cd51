import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify'
import type { Metrics } from '../observability/metrics.ts'
import { registerErrorHandler } from './plugins/error-handler.ts'
import { registerRequestContext, requestIdOf } from './plugins/request-context.ts'
import { answerClientError } from './problem.ts'
import { healthRoutes } from './routes/health.ts'
import { operationRoutes } from './routes/operations.ts'
import type { ServedModels } from './served-models.ts'

/** Time for a whole request, which has no body. */
const REQUEST_TIMEOUT_MS = 5000
const KEEP_ALIVE_TIMEOUT_MS = 30_000
const CONNECTION_CHECK_MS = 1000
/** Far more than the probes and scrapers of one replica open. */
const MAX_CONNECTIONS = 64
const MAX_HEADER_BYTES = 8192
const MAX_BODY_BYTES = 1024

export interface ManagementAppParts {
  readonly metrics: Metrics
  readonly models: Pick<ServedModels, 'health'>
}

/**
 * The Fastify app of the management port: probes, metrics and versions, which a gateway must not pass on. Its limits
 * are small and its own, so that no load on the main port keeps a probe from being answered.
 */
export function buildManagementApp({ metrics, models }: ManagementAppParts, log: FastifyBaseLogger): FastifyInstance {
  const app = fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    requestIdHeader: false,
    genReqId: requestIdOf,
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    http: { headersTimeout: REQUEST_TIMEOUT_MS, connectionsCheckingInterval: CONNECTION_CHECK_MS, maxHeaderSize: MAX_HEADER_BYTES },
    clientErrorHandler: answerClientError,
    return503OnClosing: false,
    // Every response takes milliseconds, so none is cut off, and an idle scraper does not hold up the end.
    forceCloseConnections: true
  })
  app.server.maxConnections = MAX_CONNECTIONS
  // The response schemas only document; see build-app.ts.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data))
  registerErrorHandler(app)
  registerRequestContext(app, metrics, () => models.health().status === 'draining')
  app.register(healthRoutes, { models })
  app.register(operationRoutes, { metrics })
  return app
}
