import { ERROR_KINDS } from '../problem.ts'
import { integer, nullable, objectOf, referenceTo, response, string } from './json-schema.ts'

export const PROBLEM = objectOf(
  {
    type: string(),
    title: string('The kind of failure, in words that do not change.'),
    status: integer(),
    detail: string('What was expected and what came. Never holds text of the request.'),
    code: string(`One of ${Object.keys(ERROR_KINDS).join(', ')}.`),
    request_id: string(),
    error: objectOf({ message: string(), type: string(), param: nullable(string('The field at fault.')), code: string() }, {}, "The same in OpenAI's shape.")
  },
  {},
  'RFC 9457 problem details and an OpenAI error in one body.'
)

const DESCRIPTIONS: Readonly<Record<number, string>> = {
  400: 'The request is malformed, or longer than the context.',
  401: 'An API key is needed.',
  404: 'There is no such resource.',
  408: 'The body did not arrive in time.',
  413: 'The body is too large.',
  415: 'The body must be application/json.',
  422: 'The request is well-formed but cannot be scored.',
  429: 'Too much work is waiting; come back after Retry-After seconds.',
  500: 'The service or the model failed.',
  503: 'The service is starting, stopping or replacing its engine; come back after Retry-After seconds.',
  504: 'The deadline has passed.'
}

/** Response schemas of the given error statuses. */
export function errorResponses(...statuses: number[]): Record<number, object> {
  return Object.fromEntries(statuses.map((status) => [status, response(DESCRIPTIONS[status] ?? '', referenceTo('Problem'), 'application/problem+json')]))
}
