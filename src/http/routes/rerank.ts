import { randomUUID } from 'node:crypto'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import type { Warning } from '../../encoding/encoded-item.ts'
import { type ErrorCode, ServiceError } from '../../errors.ts'
import { fieldName } from '../../json/guard.ts'
import { dialectOf, requiredDialect } from '../../rerank/dialects/body.ts'
import { cohereMeta, jinaRequest, jinaResults } from '../../rerank/dialects/jina.ts'
import { teiRanks, teiRequest } from '../../rerank/dialects/tei.ts'
import { scoreDocuments } from '../../rerank/evaluate.ts'
import { toServiceError } from '../plugins/error-handler.ts'
import { problemHeaders, problemOf } from '../problem.ts'
import { errorResponses } from '../schemas/error.ts'
import { referenceTo, response } from '../schemas/json-schema.ts'
import { RERANK_FIELDS, RERANK_REQUEST, type RerankRequestBody } from '../schemas/rerank.ts'
import type { ScoringRequests } from '../scoring-requests.ts'
import type { Service } from '../served-model.ts'

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
            200: response('An object for documents, a list for texts.', referenceTo('RerankResponse')),
            ...errorResponses(400, 401, 404, 408, 413, 415, 422, 429, 500, 503, 504),
            424: response(
              'To texts: the model failed. Errors of a body with texts have this form, whatever their status.',
              referenceTo('TeiProblem'),
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
        const { model, logprobEvaluator, itemsScored } = requests.model(request)
        const rerank = dialect === 'jina' ? jinaRequest(body) : teiRequest(body)
        refuseTooMany(rerank.documents.length, rerank.field, service)
        const terms = requests.begin(request, reply)
        const { documents, usage } = await scoreDocuments(rerank, logprobEvaluator, terms)
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

interface TeiKind {
  readonly status: number
  readonly errorType: 'Unhealthy' | 'Backend' | 'Overloaded' | 'Validation' | 'Empty'
}

/** Codes whose status is another one in Text Embeddings Inference. */
const KIND_BY_CODE: Readonly<Partial<Record<ErrorCode, TeiKind>>> = {
  empty_completion: { status: 400, errorType: 'Empty' },
  engine_crashed: { status: 424, errorType: 'Backend' },
  non_finite_logits: { status: 424, errorType: 'Backend' },
  scores_mismatched: { status: 424, errorType: 'Backend' }
}

/** Sends an error as Text Embeddings Inference does: `error` is a text, `error_type` its class, beside the fields of RFC 9457. */
function sendTeiProblem(error: ServiceError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { error: openai, ...problem } = problemOf(error, request.id)
  const { status, errorType } = kindOf(error.code, problem.status)
  if (problem.status >= 500) request.log.error({ code: error.code, reason: error.message, err: error.cause }, 'request failed')
  return reply
    .code(status)
    .headers(problemHeaders(error))
    .send(JSON.stringify({ error: openai.message, error_type: errorType, ...problem, status, param: openai.param }))
}

function kindOf(code: ErrorCode, status: number): TeiKind {
  const known = KIND_BY_CODE[code]
  if (known !== undefined) return known
  if (status === 429) return { status, errorType: 'Overloaded' }
  if (status === 503) return { status, errorType: 'Unhealthy' }
  if (status >= 500) return { status, errorType: 'Backend' }
  return { status: status === 400 ? 422 : status, errorType: 'Validation' }
}
