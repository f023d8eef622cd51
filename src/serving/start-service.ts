import { readFileSync } from 'node:fs'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { parseApiKeys } from '../config/api-keys.ts'
import type { Config } from '../config/options.ts'
import { ServiceError } from '../errors.ts'
import { buildApp } from '../http/build-app.ts'
import { buildManagementApp } from '../http/management-app.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { ModelRegistry } from './model-registry.ts'

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
  const apiKeyHashes = config.API_KEYS_FILE === '' ? [] : parseApiKeys(readKeyFile(config.API_KEYS_FILE))
  const management = config.MANAGEMENT_PORT === 0 ? null : buildManagementApp({ metrics, models }, log)
  const managementAddress = management && (await listen(management, config.MANAGEMENT_HOST || config.HOST, config.MANAGEMENT_PORT, 'management-port'))
  const app = await buildApp({ config, metrics, apiKeyHashes, models }, log)
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
      await management?.close()
    }
  }
}

/** Throws `configuration_invalid` when the address is in use or does not exist. */
function listen(app: FastifyInstance, host: string, port: number, flag: 'port' | 'management-port'): Promise<string> {
  return app.listen({ host, port }).catch((error: NodeJS.ErrnoException) => {
    const remedy = flag === 'port' ? 'pass --port 0 to use a free one' : `pass another --${flag}`
    throw new ServiceError('configuration_invalid', `cannot listen on ${host}:${port} (${error.code}): stop the process that uses the port, or ${remedy}`, {
      cause: error
    })
  })
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
