import type { OnPullEvent } from '../hub/pull-event.ts'
import type { createLogger } from '../observability/logger.ts'

/** What a service says in its log while it fetches its model. */
export function logPull(log: ReturnType<typeof createLogger>): OnPullEvent {
  return (event) => {
    const { kind, ...fields } = event
    if (kind === 'plan') log.info(fields, 'model found on the hub')
    else if (kind === 'file') log.info(fields, 'model file ready')
    else if (kind === 'retry') log.warn(fields, 'hub asked again')
    else if (kind === 'wait') log.info(fields, 'another process fetches this file')
    else if (kind === 'cached') log.warn(fields, 'the hub could not be asked; the model in the cache is used')
  }
}
