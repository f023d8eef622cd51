import { timingSafeEqual } from 'node:crypto'
import bearerAuth from '@fastify/bearer-auth'
import type { FastifyInstance } from 'fastify'
import { hashOfKey } from '../../config/api-keys.ts'

/** Asks every request of this scope for one of the keys; with none configured the scope is open. */
export async function registerAuthentication(app: FastifyInstance, keyHashes: readonly Buffer[]): Promise<void> {
  if (keyHashes.length === 0) return
  await app.register(bearerAuth, { addHook: false, keys: new Set<string>(), auth: (key: string) => isKnown(key, keyHashes), verifyErrorLogLevel: 'debug' })
  app.addHook('onRequest', (request, reply, done) => app.verifyBearerAuth!(request, reply, done))
}

/** Compares with every key and never stops early, so that the time taken tells nothing. */
function isKnown(key: string, keyHashes: readonly Buffer[]): boolean {
  const hash = hashOfKey(key)
  return keyHashes.reduce((found, known) => timingSafeEqual(hash, known) || found, false)
}
