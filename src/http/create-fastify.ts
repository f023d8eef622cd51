import type { Server } from 'node:http'
import { type FastifyBaseLogger, type FastifyInstance, type FastifyServerOptions, fastify, LogController } from 'fastify'
import { sendFrameworkError } from './plugins/error-handler.ts'
import { requestIdOf } from './plugins/request-context.ts'

/** What both ports have in common. */
interface PortSettings extends Pick<FastifyServerOptions, 'ajv' | 'forceCloseConnections' | 'rewriteUrl'> {
  /** A server of `createHttpServer`, which answers what is not HTTP. */
  readonly server: Server
  readonly log: FastifyBaseLogger
  /** Largest body, in bytes. */
  readonly bodyLimit: number
}

/**
 * A Fastify app on a server that exists already: with our request ids and error bodies, and without Fastify's own log
 * of requests, which would contain URLs.
 */
export function createFastify({ server, log, ...options }: PortSettings): FastifyInstance {
  const app: FastifyInstance = fastify({
    ...options,
    serverFactory: () => server,
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    requestIdHeader: false,
    genReqId: requestIdOf,
    // createHttpServer answers them.
    clientErrorHandler: () => {},
    frameworkErrors: sendFrameworkError,
    // A draining service still serves its open connections.
    return503OnClosing: false
  })
  // The response schemas only document. Serializing by them would drop unlisted fields and turn Infinity into null.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data))
  return app
}
