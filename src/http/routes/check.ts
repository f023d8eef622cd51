import type { FastifyPluginAsync } from 'fastify'
import { consistencyOf } from '../../scoring/consistency/consistency.ts'
import { CHECK_REQUEST, CHECK_RESPONSE, type CheckRequest } from '../schemas/check.ts'
import { ERRORS, errorResponses } from '../schemas/error.ts'
import { response } from '../schemas/json-schema.ts'

/** Checks reported log-probabilities. Needs no model, so it works while the models load. */
export const checkRoutes: FastifyPluginAsync = async (app) => {
  app.post<{ Body: CheckRequest }>(
    '/v1/check',
    {
      schema: {
        operationId: 'checkLogprobs',
        summary: 'Check whether reported log-probabilities are consistent with each other',
        description: 'For numbers of any service and model. Computes nothing with a model, so it works while the models load.',
        tags: ['Scoring'],
        body: CHECK_REQUEST,
        response: {
          200: response('Whether the numbers are consistent, and each violated rule with its possible causes.', CHECK_RESPONSE),
          ...errorResponses(ERRORS.body)
        }
      }
    },
    async ({ body: { x_tokens: xTokens, y_tokens: yTokens, token_log_probs: tokenLogProbs, conditional, joint, marginal } }) =>
      consistencyOf({
        joint,
        marginal,
        ...(conditional === undefined ? {} : { conditional }),
        ...(xTokens === undefined ? {} : { xTokens }),
        ...(yTokens === undefined ? {} : { yTokens }),
        ...(tokenLogProbs === undefined ? {} : { tokenLogProbs: tokenLogProbs as readonly (number | null)[] })
      })
  )
}
