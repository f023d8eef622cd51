import { randomUUID } from 'node:crypto'
import type { FastifyPluginAsync } from 'fastify'
import { choiceJson } from '../../completions/choice.ts'
import type { CompletionsAnswer } from '../../completions/evaluate.ts'
import { type CompletionsBody, completionsRequestOf } from '../../completions/request.ts'
import { partsWithList, sendJson } from '../json-stream.ts'
import { COMPLETIONS_REQUEST, COMPLETIONS_RESPONSE, type CompletionsRequestBody } from '../schemas/completions.ts'
import { ERRORS, errorResponses } from '../schemas/error.ts'
import { response } from '../schemas/json-schema.ts'
import type { ScoringRequests } from '../scoring-requests.ts'
import type { ScoringModel } from '../served-models.ts'

/**
 * OpenAI's legacy completions as evaluation harnesses use them: prompts are scored, and at most one token is generated.
 */
export const completionsRoutes: FastifyPluginAsync<{ requests: ScoringRequests }> = async (app, { requests }) => {
  app.post<{ Body: CompletionsRequestBody }>(
    '/v1/completions',
    {
      onRequest: requests.refuseBeforeBody,
      schema: {
        operationId: 'scoreCompletions',
        summary: "Score prompts in the format of OpenAI's legacy completions, for evaluation harnesses",
        description: 'Generates one token at most. lm-evaluation-harness, HELM, inspect_ai and others use it unchanged.',
        tags: ['Scoring'],
        body: COMPLETIONS_REQUEST,
        response: {
          200: response('One choice per prompt.', COMPLETIONS_RESPONSE),
          ...errorResponses(ERRORS.scoring)
        }
      }
    },
    async (request, reply) => {
      const scoring = requests.model(request)
      const completions = completionsRequestOf(request.body as CompletionsBody)
      requests.checkItemCount(completions.prompts.length, 'prompts', 'prompt')
      const terms = requests.begin(request, reply, scoring, completions.prompts.length)
      const answer = await scoring.completionsEvaluator.evaluate(completions, terms, (choice) => Buffer.from(choiceJson(choice)))
      scoring.itemsScored(completions.prompts.length)
      return sendJson(reply, responseParts(answer, scoring))
    }
  )
}

/** The response as JSON text. Each choice arrives as text, so that one choice at a time is held as objects. */
function responseParts({ choices, usage, checks, warnings }: CompletionsAnswer<Buffer>, { model }: ScoringModel): Iterable<Buffer | string> {
  const head = { id: `cmpl-${randomUUID()}`, object: 'text_completion', created: Math.floor(Date.now() / 1000), model: model.id }
  const tail = { usage, logpr: { checks, warnings, stamp: model.stamp } }
  return partsWithList(head, 'choices', choices, tail)
}
