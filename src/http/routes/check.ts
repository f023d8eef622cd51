import type { FastifyPluginAsync } from 'fastify'
import { consistencyOf } from '../../scoring/consistency/consistency.ts'
import { CHECK_REQUEST, CHECK_RESPONSE, type CheckRequest } from '../schemas/check.ts'
import { errorResponses } from '../schemas/error.ts'
import { response } from '../schemas/json-schema.ts'

/** Judges reported numbers; needs no model, so it answers while one is being loaded. */
export const checkRoutes: FastifyPluginAsync = async (app) => {
  app.post<{ Body: CheckRequest }>(
    '/v1/check',
    {
      schema: {
        operationId: 'checkLogprobs',
        summary: 'Whether reported log-probabilities can belong together',
        tags: ['Scoring'],
        body: CHECK_REQUEST,
        response: { 200: response('The rules that are broken, with possible causes.', CHECK_RESPONSE), ...errorResponses(400, 401, 408, 413, 415, 500) }
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
