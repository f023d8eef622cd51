import type { Redis } from 'ioredis'
import type { Logger } from 'pino'
import { ServiceError } from '../errors.ts'

/** Longest time that a request waits for Redis, in milliseconds. Without an answer it is not counted. */
const COMMAND_TIMEOUT_MS = 200

/**
 * A connection to the Redis server that counts the requests of all replicas; null without a URL. It reconnects by
 * itself; while it is down, requests are not limited. Throws `configuration_invalid` for another URL, and when ioredis
 * is not installed, which only services with this option need.
 */
export async function connectRateLimitRedis(url: string, log: Logger): Promise<Redis | null> {
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
