import { isatty } from 'node:tty'
import { type Logger, pino } from 'pino'
import { type LogDestination, logDestination } from './log-destination.ts'

/** `auto`: `pretty` on a terminal, `json` elsewhere. */
export type LogFormat = 'auto' | 'json' | 'pretty'

/** Whether lines are for people. Decided by the descriptor: 1 is standard output, 2 standard error. */
export function isPretty(format: LogFormat, descriptor: 1 | 2): boolean {
  return format === 'pretty' || (format === 'auto' && isatty(descriptor))
}

/**
 * A logger that writes to standard output (1) or standard error (2). Callers log ids, counts, durations and codes. The
 * serializers drop everything else of a request, so no body, header or query string reaches the log.
 */
export async function createLogger(level: string, descriptor: 1 | 2, format: LogFormat): Promise<Logger> {
  const destination = logDestination(descriptor)
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { req: ({ id, method }: { id: string; method: string }) => ({ id, method }), res: () => undefined, err: errorFields }
    },
    isPretty(format, descriptor) ? await prettyDestination(destination, descriptor) : destination
  )
}

/** Writes each line in a form for people: local time, level, message, then the fields in JSON. */
async function prettyDestination(destination: LogDestination, descriptor: 1 | 2): Promise<LogDestination> {
  const { prettyFactory } = await import('pino-pretty')
  const render = prettyFactory({ colorize: hasColors(descriptor), translateTime: 'SYS:HH:MM:ss', singleLine: true })
  return { write: (line) => destination.write(render(line)) }
}

/** Node itself heeds NO_COLOR, FORCE_COLOR and a TERM without colors. */
function hasColors(descriptor: 1 | 2): boolean {
  const stream = descriptor === 1 ? process.stdout : process.stderr
  return isatty(descriptor) && stream.hasColors()
}

/** Unexpected errors are bugs, so their message and stack are logged. */
function errorFields(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) }
  return { type: error.name, code: (error as { code?: string }).code, message: error.message, stack: error.stack }
}
