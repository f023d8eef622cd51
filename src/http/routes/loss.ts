import { randomUUID } from 'node:crypto'
import type { FastifyPluginAsync } from 'fastify'
import { type LossBatchBody, lossBatchOf } from '../../loss/batch.ts'
import { type LossBody, lossRequestOf } from '../../loss/request.ts'
import { jsonOfEach, partsWithList, sendJson } from '../json-stream.ts'
import { ERRORS, errorResponses } from '../schemas/error.ts'
import { response } from '../schemas/json-schema.ts'
import { LOSS_REQUEST, type LossRequestBody } from '../schemas/loss.ts'
import { LOSS_OUTCOME } from '../schemas/loss-response.ts'
import type { ScoringRequests } from '../scoring-requests.ts'

/** Reports what supervised fine-tuning would compute for one example or a batch. */
export const lossRoutes: FastifyPluginAsync<{ requests: ScoringRequests }> = async (app, { requests }) => {
  app.post<{ Body: LossRequestBody }>(
    '/v1/loss',
    {
      onRequest: requests.refuseBeforeBody,
      schema: {
        operationId: 'scoreLoss',
        summary: 'Compute the loss of fine-tuning examples token by token, with a diagnosis',
        description:
          'Shows which tokens would be trained or masked, the loss and gradient norm of each, and what is wrong with the mask. With reported_loss it names the convention that explains the loss which a training run printed. A batch, as examples or as the rows of a collator, has the mean over tokens and over examples; one bad example fails it.',
        tags: ['Scoring'],
        body: LOSS_REQUEST,
        response: {
          200: response('Labels and losses of all tokens, checks, and a diagnosis; for a batch, one result per example and their means.', LOSS_OUTCOME),
          ...errorResponses([...ERRORS.pairs, 'boundary_merged'])
        }
      }
    },
    async (request, reply) => {
      const { model, lossEvaluator, itemsScored, assertRoom } = requests.model(request)
      const batch = lossBatchOf(request.body as LossBatchBody)
      if (batch !== null) {
        const count = batch.requests.length
        requests.checkItemCount(count, 'examples')
        const terms = requests.begin(request, reply, { assertRoom }, count)
        const { results, ...answer } = await lossEvaluator.evaluateBatch(batch, terms)
        itemsScored(count)
        const head = { object: 'loss.batch' as const, id: `loss-${randomUUID()}`, model: model.id }
        return sendJson(reply, partsWithList(head, 'results', jsonOfEach(results), { ...answer, stamp: model.stamp }))
      }
      const lossRequest = lossRequestOf(request.body as LossBody)
      const terms = requests.begin(request, reply, { assertRoom }, 1)
      const answer = await lossEvaluator.evaluate(lossRequest, terms)
      itemsScored(1)
      return { object: 'loss' as const, id: `loss-${randomUUID()}`, model: model.id, ...answer, stamp: model.stamp }
    }
  )
}
