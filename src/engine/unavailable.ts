import { ServiceError } from '../errors.ts'

/** Why no engine takes work: `failure` when it cannot be started, null when the service stops. */
export function unavailable(failure: ServiceError | null): ServiceError {
  return new ServiceError('engine_unavailable', failure?.message ?? 'the service is stopping')
}
