import { readFileSync } from 'node:fs'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { parseApiKeys } from '../config/api-keys.ts'
import type { Config } from '../config/options.ts'
import { ServiceError } from '../errors.ts'
import { buildApp } from '../http/build-app.ts'
import { trackConnections } from '../http/open-connections.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { ModelRegistry } from './model-registry.ts'

export interface RunningService {
  readonly app: FastifyInstance
  readonly address: string
  /**
   * Stops without losing a request: first /readyz fails, then connections close after their response, then the engines
   * stop.
   */
  drain(): Promise<void>
}

/** Serves the models over HTTP. It listens at once while they load; /readyz reports when all are ready. */
export async function startService(config: Config, models: ModelRegistry, metrics: Metrics, log: Logger): Promise<RunningService> {
  const apiKeyHashes = config.API_KEYS_FILE === '' ? [] : parseApiKeys(readKeyFile(config.API_KEYS_FILE))
  const app = await buildApp({ config, metrics, apiKeyHashes, models }, log)
  const connections = trackConnections(app.server)
  const address = await app.listen({ host: config.HOST, port: config.PORT }).catch((error: NodeJS.ErrnoException) => {
    throw new ServiceError(
      'configuration_invalid',
      `cannot listen on ${config.HOST}:${config.PORT} (${error.code}): stop the process that uses the port, or pass --port 0 to use a free one`,
      { cause: error }
    )
  })
  return {
    app,
    address,
    async drain() {
      models.beginDrain()
      await new Promise((resolve) => setTimeout(resolve, config.DRAIN_DELAY_MS))
      const closed = app.close()
      connections.closeIdle()
      await closed
      await models.close()
    }
  }
}

function readKeyFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new ServiceError('configuration_invalid', `the API key file ${path} cannot be read: check that it exists and that this user may read it`, {
      cause: error
    })
  }
}
