import { randomUUID } from 'node:crypto'
import type { FastifyPluginAsync } from 'fastify'
import { ServiceError } from '../../errors.ts'
import { fieldName } from '../../json/field-name.ts'
import type { Warning } from '../../logprob/encoded-item.ts'
import { dialectOf, requiredDialect } from '../../rerank/dialects/body.ts'
import { cohereMeta, jinaRequest, jinaResults } from '../../rerank/dialects/jina.ts'
import { teiRanks, teiRequest } from '../../rerank/dialects/tei.ts'
import { scoreDocuments } from '../../rerank/evaluate.ts'
import { toServiceError } from '../plugins/error-handler.ts'
import { errorResponses } from '../schemas/error.ts'
import { response } from '../schemas/json-schema.ts'
import { RERANK_FIELDS, RERANK_REQUEST, type RerankRequestBody } from '../schemas/rerank-request.ts'
import { RERANK_RESPONSE, TEI_PROBLEM } from '../schemas/rerank-response.ts'
import type { ScoringRequests } from '../scoring-requests.ts'
import type { Service } from '../service.ts'
import { sendTeiProblem } from '../tei-problem.ts'

/** The same handler under each path that a client may append to its base URL; `version` is that of Cohere's API. */
const PATHS = [
  { path: '/v1/rerank', operationId: 'rerank', version: '1' },
  { path: '/v2/rerank', operationId: 'rerankV2', version: '2' },
  { path: '/rerank', operationId: 'rerankUnversioned', version: '2' }
] as const

/** Ranks documents by their probability after a query, or that of the query after them. */
export const rerankRoutes: FastifyPluginAsync<{ service: Service; requests: ScoringRequests }> = async (app, { service, requests }) => {
  for (const { path, operationId, version } of PATHS)
    app.post<{ Body: RerankRequestBody }>(
      path,
      {
        schema: {
          operationId,
          summary: 'Documents ordered by log-probability, in the shapes of Jina, Cohere and vLLM or of Text Embeddings Inference',
          tags: ['Scoring'],
          body: RERANK_REQUEST,
          response: {
            200: response('An object for documents, a list for texts.', RERANK_RESPONSE),
            ...errorResponses(400, 401, 404, 408, 413, 415, 422, 429, 500, 503, 504),
            424: response(
              'To texts: the model failed. Errors of a body with texts have this form, whatever their status.',
              TEI_PROBLEM,
              'application/problem+json'
            )
          }
        },
        errorHandler: (thrown, request, reply) => {
          // Thrown again it goes to the handler of all routes.
          if (dialectOf(request.body) !== 'tei') throw thrown
          return sendTeiProblem(toServiceError(thrown), request, reply)
        }
      },
      async (request, reply) => {
        const { body } = request
        const dialect = requiredDialect(body)
        const { model, evaluator, itemsScored } = requests.model(request)
        const rerank = dialect === 'jina' ? jinaRequest(body) : teiRequest(body)
        refuseTooMany(rerank.documents.length, rerank.field, service)
        const signal = requests.begin(request, reply)
        const { documents, usage } = await scoreDocuments(rerank, evaluator, signal)
        itemsScored(documents.length)
        if (dialect === 'tei') return teiRanks(documents, body)
        return {
          object: 'list' as const,
          id: `rerank-${randomUUID()}`,
          model: model.id,
          results: jinaResults(documents, body),
          direction: rerank.direction,
          normalization: rerank.normalization.kind,
          separator: rerank.separator,
          usage,
          meta: cohereMeta(version, documents.length),
          warnings: ignoredFields(body),
          stamp: model.stamp
        }
      }
    )
}

function refuseTooMany(count: number, field: string, { config: { MAX_ITEMS } }: Service): void {
  if (count > MAX_ITEMS)
    throw new ServiceError('invalid_request', `${field} has ${count} entries; at most ${MAX_ITEMS} are taken at once: split it`, { param: field })
}

/** Clients send fields of other services; one that means nothing here may also be a misspelt one, so it is named. */
function ignoredFields(body: object): Warning[] {
  const names = Object.keys(body).filter((field) => !RERANK_FIELDS.jina.has(field))
  return names.map((name) => ({ code: 'field_ignored', message: `${fieldName(name)} is not a field of this request and has no effect` }))
}
