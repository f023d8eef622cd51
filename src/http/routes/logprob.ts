import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import type { LogprobOptions } from '../../encoding/logprob-item.ts'
import { type ErrorCode, ServiceError } from '../../errors.ts'
import type { Outcome } from '../../evaluation/logprob-evaluator.ts'
import { expandRequest, type RequestedPairs } from '../../logprob/expand-request.ts'
import { ItemList } from '../../logprob/item-source.ts'
import { logprobOptionsOf } from '../../logprob/request-options.ts'
import { failureOf, resultJson } from '../../logprob/result.ts'
import { type ResultLine, ResultStream } from '../../logprob/result-stream.ts'
import { StreamTotals, type Summary } from '../../logprob/stream-totals.ts'
import { partsWithList, sendJson } from '../json-stream.ts'
import { LogprobLines, NDJSON } from '../logprob-lines.ts'
import { ERRORS, errorResponses } from '../schemas/error.ts'
import { LOGPROB_REQUEST, type LogprobRequest } from '../schemas/logprob.ts'
import { LOGPROB_LINE, LOGPROB_LINES } from '../schemas/logprob-lines.ts'
import { LOGPROB_RESPONSE } from '../schemas/logprob-response.ts'
import type { ScoringRequests } from '../scoring-requests.ts'
import type { ScoringModel } from '../served-models.ts'

/** Scores (x, y) pairs: as one JSON document in input order, or as NDJSON in the order in which the results finish. */
export const logprobRoutes: FastifyPluginAsync<{ requests: ScoringRequests }> = async (app, { requests }) => {
  app.post<{ Body: LogprobRequest | LogprobLines }>(
    '/v1/logprob',
    {
      onRequest: requests.refuseBeforeBody,
      schema: {
        operationId: 'scoreLogprob',
        summary: 'Score pairs (x, y): log Pr([x, y]), log Pr(x) and log Pr(y | x), with checks',
        description: `One forward pass gives all three sums, and checks compare them with values that are computed separately. An item that cannot be scored has an error in its place, and the others are scored; the only item of a request fails the request. With \`Accept: application/x-ndjson\` each result is sent as soon as it is finished. ${LOGPROB_LINES}`,
        tags: ['Scoring'],
        body: { content: { 'application/json': { schema: LOGPROB_REQUEST } } },
        response: {
          200: {
            description: 'One result per output, in input order; as NDJSON in the order in which they finish.',
            content: { 'application/json': { schema: LOGPROB_RESPONSE }, [NDJSON]: { schema: LOGPROB_LINE } }
          },
          ...errorResponses([...ERRORS.pairs, 'boundary_merged'])
        }
      }
    },
    async (request, reply) => {
      // Without a content-type there is nothing to validate.
      if (typeof request.body !== 'object' || request.body === null)
        throw new ServiceError('invalid_request', 'the body must be an object: send JSON with the header content-type: application/json')
      const scoring = requests.model(request)
      return request.body instanceof LogprobLines || request.headers.accept?.includes(NDJSON)
        ? sendStream(request, reply, scoring, requests)
        : sendDocument(request as FastifyRequest<{ Body: LogprobRequest }>, reply, scoring, requests)
    }
  )
}

/** All results as one JSON document, in input order. */
async function sendDocument(
  request: FastifyRequest<{ Body: LogprobRequest }>,
  reply: FastifyReply,
  { model, logprobEvaluator, itemsScored, assertRoom }: ScoringModel,
  requests: ScoringRequests
): Promise<FastifyReply> {
  const totals = new StreamTotals()
  const items = expandRequest(request.body as RequestedPairs)
  requests.checkItemCount(items.length, 'outputs')
  const terms = requests.begin(request, reply, { assertRoom }, items.length)
  const options = logprobOptionsOf(request.body)
  const { outcomes, usage } = await logprobEvaluator.evaluate(items, options, terms, presenter(options))
  itemsScored(items.length)
  const settled = await Promise.all(outcomes)
  throwSharedError(settled)
  for (const { error } of settled) totals.add(error)
  totals.addUsage(usage)
  const head = { object: 'logprob' as const, id: newId(), model: model.id }
  const results = settled.map(({ json }) => json)
  const summary = request.body.summary === true ? { summary: await totals.summary() } : {}
  return sendJson(reply, partsWithList(head, 'results', results, { usage: await usage, ...summary, stamp: model.stamp }))
}

/** One line per result, in the order in which they finish, while the deadline follows the stream. */
async function sendStream(
  request: FastifyRequest<{ Body: LogprobRequest | LogprobLines }>,
  reply: FastifyReply,
  { model, logprobEvaluator, itemsScored, assertRoom }: ScoringModel,
  requests: ScoringRequests
): Promise<FastifyReply> {
  const { body, deadline } = request
  const isOfLines = body instanceof LogprobLines
  const source = isOfLines ? body : new ItemList(expandRequest(body as RequestedPairs))
  if (source instanceof ItemList) requests.checkItemCount(source.count, 'outputs')
  const options = logprobOptionsOf(isOfLines ? body.options : body)
  requests.begin(request, reply, { assertRoom }, 1)
  let onProgress = (): void => {}
  const stream = new ResultStream({
    source,
    evaluator: logprobEvaluator,
    options,
    termsNow: (wholeFactor) => ({ ...requests.terms(request), ...(deadline.isOfRequest ? { wholeFactor } : {}) }),
    present: presenter(options),
    onStarted: itemsScored,
    onProgress: () => onProgress()
  })
  await stream.begin()
  onProgress = deadline.follow()
  const hasSummary = isOfLines || body.summary === true
  const summaryLine = (summary: Summary): object => ({ object: 'logprob.summary', id: newId(), model: model.id, ...summary, stamp: model.stamp })
  return reply.type(`${NDJSON}; charset=utf-8`).send(Readable.from(stream.lines(hasSummary ? summaryLine : null)))
}

function newId(): string {
  return `lp-${randomUUID()}`
}

function presenter(options: LogprobOptions): (outcome: Outcome) => Promise<ResultLine> {
  return async (outcome) =>
    'error' in outcome
      ? { json: Buffer.from(JSON.stringify(failureOf(outcome.item, outcome.error))), error: outcome.error }
      : { json: Buffer.from(await resultJson(outcome, options)), error: null }
}

/** Errors of the service, not of an item: when every item has the same one, the whole request fails with it. */
const SERVICE_FAILURES = new Set<ErrorCode>(['deadline_exceeded', 'client_closed_request', 'engine_unavailable', 'engine_crashed', 'internal_error'])

/**
 * Throws the error of a single item, or the service failure that all items share. Other errors stay in their results.
 */
function throwSharedError(outcomes: readonly ResultLine[]): void {
  const errors = outcomes.flatMap(({ error }) => error ?? [])
  const [first] = errors
  if (first === undefined || errors.length < outcomes.length) return
  const isShared = SERVICE_FAILURES.has(first.code) && errors.every(({ code }) => code === first.code)
  if (outcomes.length === 1 || isShared) throw first
}
