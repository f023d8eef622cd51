import { randomUUID } from 'node:crypto'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import type { ServiceError } from '../../errors.ts'
import { dialectOf, type RerankBody, requiredDialect } from '../../rerank/dialects/body.ts'
import { cohereMeta, jinaRequest, jinaResults } from '../../rerank/dialects/jina.ts'
import { teiRanks, teiRequest } from '../../rerank/dialects/tei.ts'
import { scoreDocuments } from '../../rerank/evaluate.ts'
import type { RerankTemplates } from '../../rerank/template.ts'
import { scoreYesNo } from '../../rerank/yes-no.ts'
import { ignoredFields } from '../ignored-fields.ts'
import { jsonOfEach, partsOfList, partsWithList, sendJson } from '../json-stream.ts'
import { logFailure, toServiceError } from '../plugins/error-handler.ts'
import { problemHeaders, problemOf, teiErrorOf } from '../problem.ts'
import { ERRORS, rerankErrorResponses } from '../schemas/error.ts'
import { response } from '../schemas/json-schema.ts'
import { RERANK_FIELDS, RERANK_REQUEST, RERANK_RESPONSE, type RerankRequestBody } from '../schemas/rerank.ts'
import type { ScoringRequests } from '../scoring-requests.ts'

/** The paths that clients append to their base URL, all with one handler. `version` is the version of Cohere's API. */
const PATHS = [
  { path: '/v1/rerank', operationId: 'rerank', version: '1' },
  { path: '/v2/rerank', operationId: 'rerankV2', version: '2' },
  { path: '/rerank', operationId: 'rerankUnversioned', version: '2' }
] as const

/** Ranks documents by log Pr(document | query), log Pr(query | document), or the labels of a causal reranker. */
export const rerankRoutes: FastifyPluginAsync<{ requests: ScoringRequests; templates: RerankTemplates }> = async (app, { requests, templates }) => {
  for (const { path, operationId, version } of PATHS)
    app.post<{ Body: RerankRequestBody }>(
      path,
      {
        onRequest: requests.refuseBeforeBody,
        schema: {
          operationId,
          summary: 'Rank documents by log-probability, in the format of Jina, Cohere and vLLM or of Text Embeddings Inference',
          description:
            'documents get an object with results, texts a bare list with the errors of Text Embeddings Inference. /v1/rerank, /v2/rerank and /rerank are the same; only meta.api_version differs.',
          tags: ['Scoring'],
          body: RERANK_REQUEST,
          response: {
            200: response('An object when the request has documents, a list when it has texts.', RERANK_RESPONSE),
            ...rerankErrorResponses([...ERRORS.scoring, 'empty_completion', 'no_prefix_token', 'boundary_merged', 'boundary_not_exact', 'chat_template_failed'])
          }
        },
        errorHandler: (thrown, request, reply) => {
          // Rethrown errors reach the error handler of the app.
          if (dialectOf(request.body) !== 'tei') throw thrown
          return sendTeiProblem(toServiceError(thrown), request, reply)
        }
      },
      async (request, reply) => {
        const body = request.body as RerankBody
        const dialect = requiredDialect(body)
        const { model, logprobEvaluator, itemsScored, assertRoom } = requests.model(request)
        const rerank = dialect === 'jina' ? jinaRequest(body, templates) : teiRequest(body, templates)
        requests.checkItemCount(rerank.documents.length, rerank.field, rerank.field)
        const terms = requests.begin(request, reply, { assertRoom }, rerank.documents.length)
        const isYesNo = rerank.scoring === 'yes_no'
        const scored = await (isYesNo ? scoreYesNo(rerank, logprobEvaluator, terms) : scoreDocuments(rerank, logprobEvaluator, terms))
        const { documents, normalization, usage } = scored
        itemsScored(documents.length)
        if (dialect === 'tei') return sendJson(reply, partsOfList(jsonOfEach(teiRanks(scored, body))))
        const head = { object: 'list' as const, id: `rerank-${randomUUID()}`, model: model.id }
        const tail = {
          scoring: rerank.scoring,
          ...(isYesNo
            ? { template: rerank.template.name, instruction: rerank.instruction }
            : { direction: rerank.direction, ...(normalization === null ? {} : { normalization: normalization.kind }), separator: rerank.separator }),
          usage,
          meta: cohereMeta(version, documents.length),
          warnings: [...ignoredFields(body, RERANK_FIELDS.jina), ...scored.warnings],
          stamp: model.stamp
        }
        return sendJson(reply, partsWithList(head, 'results', jsonOfEach(jinaResults(documents, body)), tail))
      }
    )
}

/**
 * Sends an error in the format of Text Embeddings Inference (`error` is the message), with the fields of RFC 9457
 * added.
 */
function sendTeiProblem(error: ServiceError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { error: openai, ...problem } = problemOf(error, request.id)
  const { status, errorType } = teiErrorOf(error.code)
  logFailure(error, problem.status, request)
  return reply
    .code(status)
    .headers(problemHeaders(error))
    .send(JSON.stringify({ error: openai.message, error_type: errorType, ...problem, status, param: openai.param }))
}
