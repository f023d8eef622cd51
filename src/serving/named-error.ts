import { ServiceError, serviceErrorFrom } from '../errors.ts'

/** Why one of several models cannot be served, saying which. */
export function namedError(id: string, thrown: unknown): ServiceError {
  const { code, message, cause } = serviceErrorFrom(thrown)
  return new ServiceError(code, `${id}: ${message}`, { cause })
}
