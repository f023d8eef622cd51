import type { FastifyPluginAsync, FastifyReply } from 'fastify'
import { arrayOf, objectOf, response, string } from '../schemas/json-schema.ts'
import type { Health, Service } from '../served-model.ts'

const MODELS = arrayOf(objectOf({ id: string(), status: string(), reason: string() }), 'The same of each model.')
const BODY = objectOf({ status: string(), reason: string(), models: MODELS })
const both = { 200: response('Yes.', BODY), 503: response('No, with the reason.', BODY) }

/** Probes for orchestrators and gateways; none needs a key. An overloaded service stays ready: it sheds by 429. */
export const healthRoutes: FastifyPluginAsync<{ service: Service }> = async (app, { service }) => {
  const answer = (reply: FastifyReply, isUp: (health: Health) => boolean): FastifyReply => {
    const health = service.health()
    // Envoy takes this replica out of rotation at once, without waiting for its next probe.
    if (health.status === 'draining') reply.header('x-envoy-immediate-health-check-fail', 'true')
    return reply
      .code(isUp(health) ? 200 : 503)
      .header('cache-control', 'no-store')
      .send(health)
  }
  const isReady = ({ status }: Health): boolean => status === 'ready'

  app.get('/livez', { schema: { operationId: 'live', summary: 'Whether the process makes progress', tags: ['Operations'], response: both } }, (_, reply) =>
    answer(reply, ({ status }) => status !== 'failed')
  )
  app.get('/startupz', { schema: { operationId: 'started', summary: 'Whether the model has been loaded', tags: ['Operations'], response: both } }, (_, reply) =>
    answer(reply, ({ status }) => status !== 'starting' && status !== 'failed')
  )
  app.get(
    '/readyz',
    { schema: { operationId: 'ready', summary: 'Whether a forward pass gave its known answer and work is taken', tags: ['Operations'], response: both } },
    (_, reply) => answer(reply, isReady)
  )
  app.get('/health', { schema: { operationId: 'health', summary: 'The same as /readyz', tags: ['Operations'], response: both } }, (_, reply) =>
    answer(reply, isReady)
  )
}
