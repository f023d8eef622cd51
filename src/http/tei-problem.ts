import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ErrorCode, ServiceError } from '../errors.ts'
import { problemHeaders, problemOf } from './problem.ts'

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
export function sendTeiProblem(error: ServiceError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
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
