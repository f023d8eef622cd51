import { isUtf8 } from 'node:buffer'
import type { Readable } from 'node:stream'
import { ServiceError, serviceErrorFrom } from '../errors.ts'
import { parseJsonLine } from '../json/parse.ts'
import { missingField } from './perplexity-flags.ts'
import { type InputLine, unreadable } from './score-input.ts'

/** The text of a line, or why it has none. */
export function textOfLine({ bytes }: InputLine, field: string | null): string | ServiceError {
  if (!isUtf8(bytes)) return new ServiceError('invalid_utf8', 'the line is not valid UTF-8; convert the file to UTF-8')
  const line = bytes.toString('utf8')
  // Of a file with Windows line ends.
  if (field === null) return line.endsWith('\r') ? line.slice(0, -1) : line
  try {
    const value = parseJsonLine(line)
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return new ServiceError('invalid_request', `the line is not an object; write {"${field}": "..."} on each line`)
    const text = (value as Readonly<Record<string, unknown>>)[field]
    return typeof text === 'string' ? text : missingField(value, field)
  } catch (error) {
    if (error instanceof ServiceError) return error
    return error instanceof SyntaxError
      ? new ServiceError('invalid_json', 'the line is not valid JSON; each line must be one complete object')
      : serviceErrorFrom(error)
  }
}

/**
 * The text of a file, a piece at a time, without a byte order mark. No piece ends inside a code point. Throws
 * `invalid_utf8` and `configuration_invalid` for a file that cannot be read.
 */
export async function* piecesOf(stream: Readable, file: string | null, onRead: (sizeBytes: number) => void, signal: AbortSignal): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const stop = (): unknown => stream.destroy()
  signal.addEventListener('abort', stop)
  let readBytes = 0
  const decoded = (chunk?: Buffer): string => {
    try {
      return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true })
    } catch (error) {
      throw new ServiceError('invalid_utf8', `${file ?? 'standard input'} is not valid UTF-8 near byte ${readBytes}; convert it to UTF-8`, { cause: error })
    }
  }
  const chunks = (stream as AsyncIterable<Buffer>)[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await chunks.next().catch((error: unknown) => {
        throw signal.aborted ? serviceErrorFrom(signal.reason) : unreadable(file, error, ` after ${readBytes} bytes`)
      })
      if (next.done === true) break
      readBytes += next.value.length
      yield decoded(next.value)
      onRead(next.value.length)
    }
    yield decoded()
  } finally {
    signal.removeEventListener('abort', stop)
    stream.destroy()
  }
}
