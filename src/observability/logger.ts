import { type Logger, pino } from 'pino'

/**
 * JSON lines on standard output (1) or standard error (2). What is logged is listed where it is logged: ids,
 * counts, durations, codes. No serializer here ever sees a body, a header or a query string.
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
    pino.destination({ fd: descriptor, sync: false })
  )
}

/** Type, message and stack of failures that are no answer to a caller: bugs. */
function errorFields(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) }
  return { type: error.name, code: (error as { code?: string }).code, message: error.message, stack: error.stack }
}
