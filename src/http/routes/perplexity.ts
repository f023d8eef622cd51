import { randomUUID } from 'node:crypto'
import type { FastifyPluginAsync } from 'fastify'
import { ServiceError } from '../../errors.ts'
import { bucketOf, CorpusTotals, DEFAULT_QUANTILES } from '../../perplexity/corpus.ts'
import { cutoffsOf, perplexityOptionsOf, type RequestedTexts, textsOf } from '../../perplexity/request.ts'
import { jsonOfEach, partsWithList, sendJson } from '../json-stream.ts'
import { ERRORS, errorResponses } from '../schemas/error.ts'
import { response } from '../schemas/json-schema.ts'
import { PERPLEXITY_REQUEST, PERPLEXITY_RESPONSE, type PerplexityRequestBody } from '../schemas/perplexity.ts'
import type { ScoringRequests } from '../scoring-requests.ts'

/** The perplexity of texts of any length, in windows. */
export const perplexityRoutes: FastifyPluginAsync<{ requests: ScoringRequests }> = async (app, { requests }) => {
  app.post<{ Body: PerplexityRequestBody }>(
    '/v1/perplexity',
    {
      onRequest: requests.refuseBeforeBody,
      schema: {
        operationId: 'scorePerplexity',
        summary: 'Perplexity of texts of any length: per token, word and byte, and bits per byte',
        description:
          'Cuts each text into windows that fit into the context and scores every token once. A text that cannot be scored has an error in its place; the only text of a request fails the request.',
        tags: ['Scoring'],
        body: PERPLEXITY_REQUEST,
        response: {
          200: response('One result per text, in input order.', PERPLEXITY_RESPONSE),
          ...errorResponses([...ERRORS.scoring, 'no_prefix_token'])
        }
      }
    },
    async (request, reply) => {
      const { model, perplexityEvaluator, itemsScored, assertRoom } = requests.model(request)
      const { body } = request
      const texts = textsOf(body as RequestedTexts)
      requests.checkItemCount(texts.length, 'texts', 'texts')
      const options = perplexityOptionsOf(body as RequestedTexts, perplexityEvaluator.maxModelLen)
      const cutoffs = cutoffsOf(body.cutoffs as RequestedTexts['cutoffs'])
      const terms = requests.begin(request, reply, { assertRoom }, texts.length)
      const { results, usage } = await perplexityEvaluator.evaluate(texts, options, terms)
      itemsScored(texts.length)
      const [only] = results
      if (results.length === 1 && only instanceof ServiceError) throw only

      const totals = new CorpusTotals()
      const outcomes = results.map((result, index) => {
        if (result instanceof ServiceError) return failureOf(result, index)
        totals.add(result)
        return {
          object: 'perplexity.result' as const,
          index,
          ...result,
          ...(cutoffs === null ? {} : { bucket: bucketOf(result.perplexity.per_token, cutoffs) })
        }
      })
      const corpus = body.texts === undefined ? null : totals.corpus((body.quantiles as readonly number[] | undefined) ?? DEFAULT_QUANTILES)
      const head = { object: 'perplexity' as const, id: `ppl-${randomUUID()}`, model: model.id }
      return sendJson(reply, partsWithList(head, 'results', jsonOfEach(outcomes), { ...(corpus === null ? {} : { corpus }), usage, stamp: model.stamp }))
    }
  )
}

function failureOf({ code, message, param }: ServiceError, index: number): object {
  return { object: 'perplexity.failure' as const, index, error: { code, message, ...(param === undefined ? {} : { param }) } }
}
