import { timingSafeEqual } from 'node:crypto'
import bearerAuth from '@fastify/bearer-auth'
import type { FastifyInstance } from 'fastify'
import { hashOfKey } from '../../config/api-keys.ts'

/** Requires one of the API keys for every route of this scope; without configured keys the scope is open. */
export async function registerAuthentication(app: FastifyInstance, keyHashes: readonly Buffer[]): Promise<void> {
  if (keyHashes.length === 0) return
  await app.register(bearerAuth, {
    addHook: false,
    keys: new Set<string>(),
    auth: (key: string) => isKnownKey(key, keyHashes),
    verifyErrorLogLevel: 'debug',
    // The scheme name is case-insensitive.
    specCompliance: 'rfc6749'
  })
  app.addHook('onRequest', (request, reply, done) => app.verifyBearerAuth!(request, reply, done))
}

/** Compares with every key, so that the time taken reveals nothing. */
function isKnownKey(key: string, keyHashes: readonly Buffer[]): boolean {
  const hash = hashOfKey(key)
  return keyHashes.reduce((found, known) => timingSafeEqual(hash, known) || found, false)
}
