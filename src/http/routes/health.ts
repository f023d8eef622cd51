import type { FastifyPluginAsync, FastifyReply } from 'fastify'
import { arrayOf, named, objectOf, oneOfWords, response, string } from '../schemas/json-schema.ts'
import type { Health, ServedModels } from '../served-models.ts'

/**
 * Probes for orchestrators and gateways; none requires an API key. An overloaded service stays ready and answers 429.
 */
export const healthRoutes: FastifyPluginAsync<{ models: Pick<ServedModels, 'health'> }> = async (app, { models }) => {
  const probe = (path: string, operationId: string, summary: string, isHealthy: (status: Health['status']) => boolean): void => {
    app.get(path, { schema: { operationId, summary, description: PROBE_DESCRIPTION, tags: ['Operations'], response: RESPONSES } }, (_, reply) =>
      send(reply, isHealthy)
    )
  }
  const send = (reply: FastifyReply, isHealthy: (status: Health['status']) => boolean): FastifyReply => {
    const health = models.health()
    // Envoy then takes this replica out of rotation without waiting for its next probe.
    if (health.status === 'draining') reply.header('x-envoy-immediate-health-check-fail', 'true')
    return reply
      .code(isHealthy(health.status) ? 200 : 503)
      .header('cache-control', 'no-store')
      .send(health)
  }

  probe('/livez', 'live', 'Liveness probe: 503 when only a restart can help', (status) => status !== 'failed')
  probe('/startupz', 'started', 'Start-up probe: 200 once every model is loaded', (status) => status !== 'starting' && status !== 'failed')
  probe('/readyz', 'ready', 'Readiness probe: 200 while every model passed its self-test and accepts requests', (status) => status === 'ready')
  probe('/health', 'health', 'Readiness probe, the same as /readyz', (status) => status === 'ready')
}

const PROBE_DESCRIPTION = 'Answers at once, also while the service starts, drains or is overloaded.'
const STATUS = oneOfWords(['ready', 'starting', 'draining', 'restarting', 'failed'], 'What the service does.')
const REASON = string('Why it has this status.')
const MODEL_HEALTH = named('ModelHealth', objectOf({ id: string('Id of the model.'), status: STATUS, reason: REASON }, {}, 'Whether a model accepts requests.'))
const HEALTH = named(
  'Health',
  objectOf({ status: STATUS, reason: REASON, models: arrayOf(MODEL_HEALTH, 'Status and reason of each model.') }, {}, 'Whether the service accepts requests.')
)
const RESPONSES = { 200: response('The probe succeeded.', HEALTH), 503: response('The probe failed; reason says why.', HEALTH) }
