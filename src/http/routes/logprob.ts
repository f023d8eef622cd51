import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { type LogprobOptions, optionsOf } from '../../encoding/logprob-item.ts'
import { type ErrorCode, ServiceError } from '../../errors.ts'
import type { Outcome } from '../../evaluation/logprob-evaluator.ts'
import { arrayMembers } from '../../logprob/array-members.ts'
import { type ArraysLine, arraysJson, arraysLine, arraysSize, tokenSize } from '../../logprob/arrays.ts'
import { expandRequest, type RequestedPairs } from '../../logprob/expand-request.ts'
import { ItemList } from '../../logprob/item-source.ts'
import { logprobOptionsOf } from '../../logprob/request-options.ts'
import { failureOf, resultJson } from '../../logprob/result.ts'
import { type ResultLine, ResultStream } from '../../logprob/result-stream.ts'
import { StreamTotals, type Summary } from '../../logprob/stream-totals.ts'
import { acceptedType } from '../accepted-type.ts'
import { partsWithList, sendJson } from '../json-stream.ts'
import { LogprobLines, NDJSON } from '../logprob-lines.ts'
import { NPZ, sendNpz } from '../npz.ts'
import { ERRORS, errorResponses } from '../schemas/error.ts'
import { LOGPROB_REQUEST, type LogprobRequest } from '../schemas/logprob.ts'
import { LOGPROB_NPZ } from '../schemas/logprob-arrays.ts'
import { LOGPROB_LINE, LOGPROB_LINES } from '../schemas/logprob-lines.ts'
import { LOGPROB_RESPONSE } from '../schemas/logprob-response.ts'
import type { ScoringRequests } from '../scoring-requests.ts'
import type { ScoringModel } from '../served-models.ts'

const JSON_TYPE = 'application/json'
type AnswerType = typeof JSON_TYPE | typeof NDJSON | typeof NPZ

/** Scores (x, y) pairs: as one JSON document in input order, or as NDJSON in the order in which the results finish. */
export const logprobRoutes: FastifyPluginAsync<{ requests: ScoringRequests }> = async (app, { requests }) => {
  app.post<{ Body: LogprobRequest | LogprobLines }>(
    '/v1/logprob',
    {
      onRequest: requests.refuseBeforeBody,
      schema: {
        operationId: 'scoreLogprob',
        summary: 'Score pairs (x, y): log Pr([x, y]), log Pr(x) and log Pr(y | x), with checks',
        description: `One forward pass gives all three sums, and checks compare them with values that are computed separately. An item that cannot be scored has an error in its place, and the others are scored; the only item of a request fails the request. With \`Accept: application/x-ndjson\` each result is sent as soon as it is finished. With \`format: "arrays"\` the tokens of a result are arrays of numbers, and with \`Accept: application/zip\` the response is a NumPy .npz file of them. ${LOGPROB_LINES}`,
        tags: ['Scoring'],
        body: { content: { 'application/json': { schema: LOGPROB_REQUEST } } },
        response: {
          200: {
            description: 'One result per output, in input order; as NDJSON in the order in which they finish.',
            content: { [JSON_TYPE]: { schema: LOGPROB_RESPONSE }, [NDJSON]: { schema: LOGPROB_LINE }, [NPZ]: { schema: LOGPROB_NPZ } }
          },
          ...errorResponses([...ERRORS.pairs, 'boundary_merged', 'not_acceptable'])
        }
      }
    },
    async (request, reply) => {
      // Without a content-type there is nothing to validate.
      if (typeof request.body !== 'object' || request.body === null)
        throw new ServiceError('invalid_request', 'the body must be an object: send JSON with the header content-type: application/json')
      const type = answerType(request)
      const scoring = requests.model(request)
      const { vocabSize } = scoring.model
      const fields = request.body instanceof LogprobLines ? request.body.options : request.body
      const options = optionsWithin(vocabSize, logprobOptionsOf(fields, type === NPZ ? 'arrays' : fields.format))
      if (type === NDJSON) return sendStream(request, reply, scoring, options, requests)
      return sendDocument(request as FastifyRequest<{ Body: LogprobRequest }>, reply, scoring, { ...options, isFile: type === NPZ }, requests)
    }
  )
}

/** JSON Lines are answered with JSON Lines, if some JSON is accepted. A file of arrays has no place for objects. */
function answerType(request: FastifyRequest<{ Body: LogprobRequest | LogprobLines }>): AnswerType {
  const { body } = request
  if (body instanceof LogprobLines) {
    acceptedType(request, [NDJSON, JSON_TYPE], '; only a body of JSON can be answered in other ways')
    return NDJSON
  }
  if (body.format === 'objects') return acceptedType(request, [JSON_TYPE, NDJSON], `; ${NPZ} needs format arrays`)
  return acceptedType(request, [JSON_TYPE, NDJSON, NPZ])
}

/** A vocabulary may have fewer tokens than the most that can be asked for. */
function optionsWithin(vocabSize: number, options: LogprobOptions): LogprobOptions {
  return { ...options, topLogprobs: Math.min(options.topLogprobs, vocabSize) }
}

/** All results at once, in input order: as one JSON document or as one file of arrays. */
async function sendDocument(
  request: FastifyRequest<{ Body: LogprobRequest }>,
  reply: FastifyReply,
  { model, logprobEvaluator, itemsScored, assertRoom }: ScoringModel,
  { isFile, ...options }: LogprobOptions & { readonly isFile: boolean },
  requests: ScoringRequests
): Promise<FastifyReply> {
  const totals = new StreamTotals()
  const items = expandRequest(request.body as RequestedPairs)
  requests.checkItemCount(items.length, 'outputs')
  const terms = requests.begin(request, reply, { assertRoom }, items.length)
  const encoded = await logprobEvaluator.encode(items, options, terms)
  if (options.format === 'arrays') requests.checkAnswerSize(arraysSize(encoded, options, isFile))
  const present = isFile ? (outcome: Outcome) => arraysLine(outcome, options) : presenter(options)
  const { outcomes, usage } = await logprobEvaluator.evaluateEncoded<ResultLine | ArraysLine>(items, encoded, options, terms, present)
  itemsScored(items.length)
  const settled = await Promise.all(outcomes)
  throwSharedError(settled)
  for (const { error } of settled) totals.add(error)
  totals.addUsage(usage)
  const head = { object: 'logprob' as const, id: newId(), model: model.id }
  const summary = request.body.summary === true ? { summary: await totals.summary() } : {}
  const results = settled.map(({ json }) => json)
  const parts = partsWithList(head, 'results', results, { usage: await usage, ...summary, stamp: model.stamp })
  return isFile ? sendNpz(reply, await arrayMembers(settled as readonly ArraysLine[]), parts) : sendJson(reply, parts)
}

/** One line per result, in the order in which they finish, while the deadline follows the stream. */
async function sendStream(
  request: FastifyRequest<{ Body: LogprobRequest | LogprobLines }>,
  reply: FastifyReply,
  { model, logprobEvaluator, itemsScored, assertRoom }: ScoringModel,
  options: LogprobOptions,
  requests: ScoringRequests
): Promise<FastifyReply> {
  const { body, deadline } = request
  const isOfLines = body instanceof LogprobLines
  const source = isOfLines ? body : new ItemList(expandRequest(body as RequestedPairs))
  if (source instanceof ItemList) requests.checkItemCount(source.count, 'outputs')
  requests.begin(request, reply, { assertRoom }, 1)
  let onProgress = (): void => {}
  const stream = new ResultStream({
    source,
    evaluator: logprobEvaluator,
    options,
    largestBytes: options.format === 'arrays' ? model.maxModelLen * tokenSize(options, false) : 0,
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
  return async (outcome) => {
    if ('error' in outcome) return { json: Buffer.from(JSON.stringify(failureOf(outcome.item, outcome.error))), error: outcome.error }
    const own = optionsOf(outcome.item, options)
    return { json: own.format === 'arrays' ? await arraysJson(outcome, own) : Buffer.from(await resultJson(outcome, own)), error: null }
  }
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
