import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import type { Config } from '../config/options.ts'
import { ServiceError } from '../errors.ts'
import { buildApp } from '../http/build-app.ts'
import { buildManagementApp } from '../http/management-app.ts'
import type { Metrics } from '../observability/metrics.ts'
import { watchApiKeys } from './api-key-file.ts'
import type { ModelRegistry } from './model-registry.ts'
import { connectRateLimitRedis } from './rate-limit-redis.ts'

export interface RunningService {
  readonly app: FastifyInstance
  readonly address: string
  /** Where the probes and metrics are served; null when the main port serves them. */
  readonly managementAddress: string | null
  /**
   * Stops without losing a request: first /readyz fails, then connections close after their response, then the engines
   * stop. The management port closes last, so that the probes see 503 until then.
   */
  drain(): Promise<void>
}

/** Serves the models over HTTP. It listens at once while they load; /readyz reports when all are ready. */
export async function startService(config: Config, models: ModelRegistry, metrics: Metrics, log: Logger): Promise<RunningService> {
  const apiKeys = watchApiKeys(config.API_KEYS_FILE, log)
  const rateLimitRedis = await connectRateLimitRedis(config.RATE_LIMIT_REDIS_URL, log)
  const management = config.MANAGEMENT_PORT === 0 ? null : buildManagementApp({ metrics, models }, log)
  const managementAddress = management && (await listen(management, config.MANAGEMENT_HOST || config.HOST, config.MANAGEMENT_PORT, 'management-port'))
  const app = await buildApp({ config, metrics, apiKeys: apiKeys.keys, rateLimitRedis, models }, log)
  const address = await listen(app, config.HOST, config.PORT, 'port').catch(async (error: unknown) => {
    await management?.close()
    throw error
  })
  return {
    app,
    address,
    managementAddress,
    async drain() {
      models.beginDrain()
      await new Promise((resolve) => setTimeout(resolve, config.DRAIN_DELAY_MS))
      await app.close()
      await models.close()
      apiKeys.stop()
      rateLimitRedis?.disconnect()
      await management?.close()
    }
  }
}

/** Throws `configuration_invalid` when the address is in use or does not exist. */
function listen(app: FastifyInstance, host: string, port: number, flag: 'port' | 'management-port'): Promise<string> {
  return app.listen({ host, port }).catch((error: NodeJS.ErrnoException) => {
    const remedy = flag === 'port' ? 'pass --port 0 to use a free one' : `pass another --${flag}`
    const advice =
      error.code === 'EADDRNOTAVAIL'
        ? `the machine does not have this address; change --${flag.replace('port', 'host')}`
        : `stop the process that uses the port, or ${remedy}`
    throw new ServiceError('configuration_invalid', `cannot listen on ${host}:${port} (${error.code}): ${advice}`, { cause: error })
  })
}
