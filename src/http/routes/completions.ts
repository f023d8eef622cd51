import { randomUUID } from 'node:crypto'
import type { FastifyPluginAsync } from 'fastify'
import { choiceJson } from '../../completions/choice.ts'
import type { CompletionsAnswer } from '../../completions/evaluate.ts'
import { type CompletionsBody, completionsRequestOf } from '../../completions/request.ts'
import { ServiceError } from '../../errors.ts'
import { COMPLETIONS_REQUEST, COMPLETIONS_RESPONSE, type CompletionsRequestBody } from '../schemas/completions.ts'
import { errorResponses } from '../schemas/error.ts'
import { response } from '../schemas/json-schema.ts'
import type { ScoringRequests } from '../scoring-requests.ts'
import type { ScoringModel, Service } from '../served-model.ts'

/** OpenAI's legacy completions for scoring: what evaluation harnesses ask. Nothing is generated but one next token. */
export const completionsRoutes: FastifyPluginAsync<{ service: Service; requests: ScoringRequests }> = async (app, { service, requests }) => {
  app.post<{ Body: CompletionsRequestBody }>(
    '/v1/completions',
    {
      schema: {
        operationId: 'scoreCompletions',
        summary: "Log-probabilities of prompts in OpenAI's legacy shape, for evaluation harnesses",
        tags: ['Scoring'],
        body: COMPLETIONS_REQUEST,
        response: {
          200: response('One choice a prompt.', COMPLETIONS_RESPONSE),
          ...errorResponses(400, 401, 404, 408, 413, 415, 429, 500, 503, 504)
        }
      }
    },
    async (request, reply) => {
      const scoring = requests.model(request)
      const completions = completionsRequestOf(request.body as CompletionsBody)
      const { MAX_ITEMS } = service.config
      if (completions.prompts.length > MAX_ITEMS)
        throw new ServiceError('invalid_request', `the request has ${completions.prompts.length} prompts; at most ${MAX_ITEMS} are taken at once: split it`, {
          param: 'prompt'
        })
      const terms = requests.begin(request, reply)
      const answer = await scoring.completionsEvaluator.evaluate(completions, terms, choiceJson)
      scoring.itemsScored(completions.prompts.length)
      return reply.type('application/json; charset=utf-8').send(answerJson(answer, scoring))
    }
  )
}

function answerJson({ choices, usage, checks, warnings }: CompletionsAnswer<string>, { model }: ScoringModel): string {
  const head = { id: `cmpl-${randomUUID()}`, object: 'text_completion', created: Math.floor(Date.now() / 1000), model: model.id }
  const tail = { usage, logpr: { checks, warnings, stamp: model.stamp } }
  return `${JSON.stringify(head).slice(0, -1)},"choices":[${choices.join(',')}],${JSON.stringify(tail).slice(1)}`
}
