import type { FastifyInstance } from 'fastify'
import type { Redis } from 'ioredis'
import type { Logger } from 'pino'
import type { Config } from '../config/options.ts'
import { ServiceError } from '../errors.ts'
import { buildApp } from '../http/build-app.ts'
import { buildManagementApp } from '../http/management-app.ts'
import type { Metrics } from '../observability/metrics.ts'
import { watchApiKeys } from './api-key-file.ts'
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

/** Longest time that a request waits for Redis, in milliseconds. Without an answer it is not counted. */
const COMMAND_TIMEOUT_MS = 200

/**
 * A connection to the Redis server that counts the requests of all replicas; null without a URL. It reconnects by
 * itself; while it is down, requests are not limited. Throws `configuration_invalid` for another URL, and when ioredis
 * is not installed, which only services with this option need.
 */
async function connectRateLimitRedis(url: string, log: Logger): Promise<Redis | null> {
  if (url === '') return null
  // ioredis takes anything else for the path of a socket, which it would write to the log with the password.
  if (!/^rediss?:\/\/[^/]/.test(url))
    throw new ServiceError('configuration_invalid', 'rate-limit-redis-url is not a URL of Redis; use redis://HOST:PORT, or rediss://HOST:PORT for TLS')
  const { Redis: RedisClient } = await import('ioredis').catch((error: unknown) => {
    throw new ServiceError('configuration_invalid', 'rate-limit-redis-url needs the package ioredis: run npm install ioredis', { cause: error })
  })
  const redis = new RedisClient(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectTimeout: 10 * COMMAND_TIMEOUT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS
  })
  /** Those of the current outage. Each is logged once, however often ioredis tries. */
  const reasons = new Set<string>()
  redis.on('error', ({ message }: Error) => {
    // The message has no password; the URL would.
    if (!reasons.has(message)) log.error({ reason: message }, 'Redis is not reachable, requests are not limited')
    reasons.add(message)
  })
  redis.on('ready', () => {
    log.info({}, 'Redis counts the requests of each client')
    reasons.clear()
  })
  return redis
}
