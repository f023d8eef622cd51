import { randomUUID } from 'node:crypto'
import type { FastifyPluginAsync } from 'fastify'
import { answerQuestions, sequenceCount } from '../../choice/evaluate.ts'
import { questionsOf, type RequestedQuestions } from '../../choice/request.ts'
import { ServiceError } from '../../errors.ts'
import { logprobOptionsOf } from '../../logprob/request-options.ts'
import { jsonOfEach, partsWithList, sendJson } from '../json-stream.ts'
import { CHOOSE_REQUEST, CHOOSE_RESPONSE, type ChooseRequestBody } from '../schemas/choose.ts'
import { ERRORS, errorResponses } from '../schemas/error.ts'
import { response } from '../schemas/json-schema.ts'
import type { ScoringRequests } from '../scoring-requests.ts'

/** Chooses among given texts by their probability after x. */
export const chooseRoutes: FastifyPluginAsync<{ requests: ScoringRequests }> = async (app, { requests }) => {
  app.post<{ Body: ChooseRequestBody }>(
    '/v1/choose',
    {
      onRequest: requests.refuseBeforeBody,
      schema: {
        operationId: 'choose',
        summary: 'Choose among given texts: the probability of each, their mass and what they add up to on a scale',
        description:
          'Gives the probability of labels of any number of tokens, normalised over the labels. With order both, two candidates are compared in both orders. A question that cannot be answered has an error in its place; the only question of a request fails the request.',
        tags: ['Scoring'],
        body: CHOOSE_REQUEST,
        response: {
          200: response('One result per question, in input order.', CHOOSE_RESPONSE),
          ...errorResponses(ERRORS.pairs)
        }
      }
    },
    async (request, reply) => {
      const { model, logprobEvaluator, itemsScored, assertRoom } = requests.model(request)
      const questions = questionsOf(request.body as RequestedQuestions)
      const sequences = sequenceCount(questions)
      requests.checkItemCount(sequences, 'texts to score, baselines and both orders included')
      const terms = requests.begin(request, reply, { assertRoom }, sequences)
      const { results, usage } = await answerQuestions(questions, logprobOptionsOf(request.body), logprobEvaluator, terms)
      itemsScored(sequences)
      const [only] = results
      if (results.length === 1 && only instanceof ServiceError) throw only
      const head = { object: 'choice' as const, id: `choice-${randomUUID()}`, model: model.id }
      const answers = results.map((result, index) =>
        result instanceof ServiceError ? failureOf(result, index) : { object: 'choice.result' as const, ...result }
      )
      return sendJson(reply, partsWithList(head, 'results', jsonOfEach(answers), { usage, stamp: model.stamp }))
    }
  )
}

function failureOf({ code, message, param }: ServiceError, index: number): object {
  return { object: 'choice.failure' as const, index, error: { code, message, ...(param === undefined ? {} : { param }) } }
}
