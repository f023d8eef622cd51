import { randomUUID } from 'node:crypto'
import type { FastifyPluginAsync } from 'fastify'
import { type LossBody, lossRequestOf } from '../../loss/request.ts'
import { ERRORS, errorResponses } from '../schemas/error.ts'
import { response } from '../schemas/json-schema.ts'
import { LOSS_REQUEST, LOSS_RESPONSE, type LossRequestBody } from '../schemas/loss.ts'
import type { ScoringRequests } from '../scoring-requests.ts'

/** Reports what supervised fine-tuning would compute for one example. */
export const lossRoutes: FastifyPluginAsync<{ requests: ScoringRequests }> = async (app, { requests }) => {
  app.post<{ Body: LossRequestBody }>(
    '/v1/loss',
    {
      onRequest: requests.refuseBeforeBody,
      schema: {
        operationId: 'scoreLoss',
        summary: 'Compute the loss of a fine-tuning example token by token, with a diagnosis',
        description:
          'Shows which tokens would be trained or masked, the loss and gradient norm of each, and what is wrong with the mask. With reported_loss it names the convention that explains the loss which a training run printed.',
        tags: ['Scoring'],
        body: LOSS_REQUEST,
        response: {
          200: response('Labels and losses of all tokens, checks, and a diagnosis.', LOSS_RESPONSE),
          ...errorResponses([...ERRORS.pairs, 'boundary_merged'])
        }
      }
    },
    async (request, reply) => {
      const { model, lossEvaluator, itemsScored, assertRoom } = requests.model(request)
      const lossRequest = lossRequestOf(request.body as LossBody)
      const terms = requests.begin(request, reply, { assertRoom }, 1)
      const answer = await lossEvaluator.evaluate(lossRequest, terms)
      itemsScored(1)
      return { object: 'loss' as const, id: `loss-${randomUUID()}`, model: model.id, ...answer, stamp: model.stamp }
    }
  )
}
