import type { FastifyRequest } from 'fastify'
import { ServiceError } from '../errors.ts'

/**
 * The media type of the response that a request prefers, by its header Accept with its quality values: of equal ones
 * that which it names first, and the first of `offered` where it names none. Throws `not_acceptable` when it accepts
 * none of them. `why` says what else would change the offer.
 */
export function acceptedType<const T extends string>(request: FastifyRequest, offered: readonly [T, ...T[]], why = ''): T {
  const accepted = request.accepts().type([...offered])
  const found = offered.find((type) => type === accepted)
  if (found !== undefined) return found
  throw new ServiceError(
    'not_acceptable',
    `the header Accept excludes all that can be answered here, which is ${offered.join(', ')}: accept one of them${why}`,
    {
      param: 'accept'
    }
  )
}
