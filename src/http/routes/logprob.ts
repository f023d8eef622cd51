import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import type { FastifyPluginAsync } from 'fastify'
import type { ErrorCode, ServiceError } from '../../errors.ts'
import type { Outcome } from '../../evaluation/logprob-evaluator.ts'
import { expandRequest, type RequestedPairs } from '../../logprob/expand-request.ts'
import { logprobOptionsOf } from '../../logprob/request-options.ts'
import { failureOf, resultJson } from '../../logprob/result.ts'
import { partsWithList, sendJson } from '../json-stream.ts'
import { ERRORS, errorResponses } from '../schemas/error.ts'
import { LOGPROB_REQUEST, type LogprobRequest } from '../schemas/logprob.ts'
import { LOGPROB_OUTCOME, LOGPROB_RESPONSE } from '../schemas/logprob-response.ts'
import type { ScoringRequests } from '../scoring-requests.ts'

const NDJSON = 'application/x-ndjson'
const LINE_END = Buffer.from('\n')

/** Scores (x, y) pairs: as one JSON document in input order, or as NDJSON in the order in which the results finish. */
export const logprobRoutes: FastifyPluginAsync<{ requests: ScoringRequests }> = async (app, { requests }) => {
  app.post<{ Body: LogprobRequest }>(
    '/v1/logprob',
    {
      onRequest: requests.refuseBeforeBody,
      schema: {
        operationId: 'scoreLogprob',
        summary: 'Score pairs (x, y): log Pr([x, y]), log Pr(x) and log Pr(y | x), with checks',
        description:
          'One forward pass gives all three sums, and checks compare them with values that are computed separately. An item that cannot be scored has an error in its place, and the others are scored; the only item of a request fails the request. With `Accept: application/x-ndjson` each result is sent as soon as it is finished.',
        tags: ['Scoring'],
        body: LOGPROB_REQUEST,
        response: {
          200: {
            description: 'One result per output, in input order; as NDJSON in the order in which they finish.',
            content: { 'application/json': { schema: LOGPROB_RESPONSE }, [NDJSON]: { schema: LOGPROB_OUTCOME } }
          },
          ...errorResponses([
            ...ERRORS.scoring,
            'empty_completion',
            'no_prefix_token',
            'no_end_token',
            'boundary_merged',
            'boundary_not_exact',
            'chat_template_failed'
          ])
        }
      }
    },
    async (request, reply) => {
      const { model, logprobEvaluator, itemsScored, assertRoom } = requests.model(request)
      const items = expandRequest(request.body as RequestedPairs)
      requests.checkItemCount(items.length, 'outputs')
      const terms = requests.begin(request, reply, { assertRoom }, items.length)
      const options = logprobOptionsOf(request.body)
      const present = async (outcome: Outcome): Promise<Presented> =>
        'error' in outcome
          ? { json: Buffer.from(JSON.stringify(failureOf(outcome.item, outcome.error))), error: outcome.error }
          : { json: Buffer.from(await resultJson(outcome, options.terms)), error: null }
      const { outcomes, usage } = await logprobEvaluator.evaluate(items, options, terms, present)
      itemsScored(items.length)
      if (request.headers.accept?.includes(NDJSON)) return reply.type(`${NDJSON}; charset=utf-8`).send(Readable.from(resultLines(outcomes)))

      const settled = await Promise.all(outcomes)
      throwSharedError(settled)
      const head = { object: 'logprob' as const, id: `lp-${randomUUID()}`, model: model.id }
      const results = settled.map(({ json }) => json)
      return sendJson(reply, partsWithList(head, 'results', results, { usage: await usage, stamp: model.stamp }))
    }
  )
}

/** An outcome as JSON text in UTF-8. */
interface Presented {
  readonly json: Buffer
  readonly error: ServiceError | null
}

/** Errors of the service, not of an item: when every item has the same one, the whole request fails with it. */
const SERVICE_FAILURES = new Set<ErrorCode>(['deadline_exceeded', 'client_closed_request', 'engine_unavailable', 'engine_crashed', 'internal_error'])

/**
 * Throws the error of a single item, or the service failure that all items share. Other errors stay in their results.
 */
function throwSharedError(outcomes: readonly Presented[]): void {
  const errors = outcomes.flatMap(({ error }) => error ?? [])
  const [first] = errors
  if (first === undefined || errors.length < outcomes.length) return
  const isShared = SERVICE_FAILURES.has(first.code) && errors.every(({ code }) => code === first.code)
  if (outcomes.length === 1 || isShared) throw first
}

/** One JSON line per result, in the order in which the results finish. */
async function* resultLines(outcomes: readonly Promise<Presented>[]): AsyncGenerator<Buffer> {
  const finished: Presented[] = []
  let wake = (): void => {}
  for (const outcome of outcomes) {
    void outcome.then((value) => {
      finished.push(value)
      wake()
    })
  }
  for (let sent = 0; sent < outcomes.length; ) {
    if (finished.length === 0) {
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
    const lines = finished.splice(0).flatMap(({ json }) => [json, LINE_END])
    sent += lines.length / 2
    yield Buffer.concat(lines)
  }
}
