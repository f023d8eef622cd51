import { ERROR_KINDS } from '../problem.ts'
import { integer, nullable, objectOf, referenceTo, response, type Schema, string } from './json-schema.ts'

export const PROBLEM = objectOf(
  {
    type: string(),
    title: string('What the code means; the same for every error with this code.'),
    status: integer(),
    detail: string('What is wrong, the limit and the remedy. Never contains text of the request.'),
    code: string(`One of ${Object.keys(ERROR_KINDS).join(', ')}.`),
    request_id: string(),
    error: objectOf(
      { message: string(), type: string(), param: nullable(string('Path of the field at fault.')), code: string() },
      {},
      "The same error in OpenAI's format."
    )
  },
  {},
  'An error that RFC 9457 clients and OpenAI clients can both read.'
)

const DESCRIPTIONS: Readonly<Record<number, string>> = {
  400: 'The request is invalid or exceeds the context length.',
  401: 'The API key is missing or unknown.',
  404: 'The resource or the model does not exist.',
  408: 'The request did not arrive in time.',
  413: 'The body is too large.',
  415: 'The body is not application/json.',
  422: 'The request is valid but cannot be scored.',
  429: 'The service is overloaded; retry after Retry-After seconds.',
  500: 'The service or the model failed.',
  503: 'The service is starting, stopping or restarting its engine; retry after Retry-After seconds.',
  504: 'The request exceeded its deadline.'
}

/** Response schemas for these error statuses. */
export function errorResponses(...statuses: number[]): Record<number, object> {
  return responsesWith(referenceTo('Problem'), statuses)
}

/** Those of a route that also answers in the format of Text Embeddings Inference. */
export function rerankErrorResponses(...statuses: number[]): Record<number, object> {
  return responsesWith({ anyOf: [referenceTo('Problem'), referenceTo('TeiProblem')] }, statuses)
}

function responsesWith(schema: Schema, statuses: readonly number[]): Record<number, object> {
  return Object.fromEntries(statuses.map((status) => [status, response(DESCRIPTIONS[status] ?? '', schema, 'application/problem+json')]))
}
