import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { Metrics } from '../observability/metrics.ts'
import { createFastify } from './create-fastify.ts'
import { createHttpServer } from './http-server.ts'
import { registerErrorHandler } from './plugins/error-handler.ts'
import { registerHttpProtocol, registerUnknownPaths } from './plugins/http-protocol.ts'
import { registerRequestContext } from './plugins/request-context.ts'
import { registerWriteTimeout } from './plugins/write-timeout.ts'
import { healthRoutes } from './routes/health.ts'
import { operationRoutes } from './routes/operations.ts'
import type { ServedModels } from './served-models.ts'

/** Far smaller than those of the main port: no request has a body, and one replica has few probes and scrapers. */
const LIMITS = {
  MAX_CONNECTIONS: 64,
  MAX_CONNECTIONS_PER_ADDRESS: 64,
  HEADERS_TIMEOUT_MS: 5000,
  BODY_TIMEOUT_MS: 5000,
  KEEP_ALIVE_TIMEOUT_MS: 30_000
}
const WRITE_TIMEOUT_MS = 5000
const MAX_BODY_BYTES = 1024
const MAX_HEADER_BYTES = 8192

export interface ManagementAppParts {
  readonly metrics: Metrics
  readonly models: Pick<ServedModels, 'health'>
}

/**
 * The Fastify app of the management port: probes, metrics and versions, which a gateway must not pass on. Its limits
 * are small and its own, so that no load on the main port keeps a probe from being answered.
 */
export function buildManagementApp({ metrics, models }: ManagementAppParts, log: FastifyBaseLogger): FastifyInstance {
  const { server, connections } = createHttpServer(LIMITS, (request, response) => app.routing(request, response), MAX_HEADER_BYTES)
  const app: FastifyInstance = createFastify({
    server,
    log,
    bodyLimit: MAX_BODY_BYTES,
    // Every response takes milliseconds, so none is cut off, and an idle scraper does not hold up the end.
    forceCloseConnections: true
  })
  registerErrorHandler(app)
  registerRequestContext(app, metrics, () => models.health().status === 'draining')
  registerHttpProtocol(app, connections)
  registerUnknownPaths(app)
  registerWriteTimeout(app, WRITE_TIMEOUT_MS)
  app.register(healthRoutes, { models })
  app.register(operationRoutes, { metrics })
  return app
}
