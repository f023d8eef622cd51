import bearerAuth from '@fastify/bearer-auth'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ApiKey, ApiKeys } from '../../config/api-keys.ts'
import { clientAddressOf } from '../client-address.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who sent the request, on routes that ask for a key. */
    client: Client
  }
}

/** The owner of an API key, or where no key is required, the address of the connection (`clientAddressOf`). */
export type Client = Pick<ApiKey, 'client' | 'requestsPerMinute' | 'tokensPerMinute'>

/**
 * Requires one of the API keys for every route of this scope, and sets `request.client`. Without configured keys the
 * scope is open. A key that is removed while a request runs does not end it.
 */
export async function registerAuthentication(app: FastifyInstance, keys: ApiKeys): Promise<void> {
  // Other headers are ignored: a client that chose a new name for every request would get every turn.
  const fromAddress = ({ socket }: FastifyRequest): Client => ({ client: clientAddressOf(socket) })
  app.decorateRequest('client')
  if (!keys.areRequired) {
    app.addHook('onRequest', (request, _, done) => {
      request.client = fromAddress(request)
      done()
    })
    return
  }
  const auth = (key: string, request: FastifyRequest): boolean => {
    const known = keys.find(key)
    request.client = known ?? fromAddress(request)
    return known !== undefined
  }
  // The scheme name is case-insensitive.
  await app.register(bearerAuth, { addHook: false, keys: new Set<string>(), auth, verifyErrorLogLevel: 'debug', specCompliance: 'rfc6749' })
  app.addHook('onRequest', (request, reply, done) => app.verifyBearerAuth!(request, reply, done))
}
