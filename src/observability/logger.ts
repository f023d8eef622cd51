import { type Logger, pino } from 'pino'
import { logDestination } from './log-destination.ts'

/**
 * A logger that writes JSON lines to standard output (1) or standard error (2). Callers log ids, counts, durations and
 * codes. The serializers drop everything else of a request, so no body, header or query string reaches the log.
 */
export function createLogger(level: string, descriptor: 1 | 2): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { req: ({ id, method }: { id: string; method: string }) => ({ id, method }), res: () => undefined, err: errorFields }
    },
    logDestination(descriptor)
  )
}

/** Unexpected errors are bugs, so their message and stack are logged. */
function errorFields(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) }
  return { type: error.name, code: (error as { code?: string }).code, message: error.message, stack: error.stack }
}
