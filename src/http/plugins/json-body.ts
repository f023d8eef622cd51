import { isUtf8 } from 'node:buffer'
import { setImmediate as nextEventLoopTurn } from 'node:timers/promises'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ServiceError } from '../../errors.ts'
import { guardJson } from '../../json/guard.ts'

/**
 * For a body of this size, decoding, guarding and parsing take some milliseconds each. Larger ones let other requests
 * run in between.
 */
const LARGE_BYTES = 262_144

/**
 * Parses JSON bodies without changing anything: whatever a lenient parser would alter silently is rejected. `onArrived`
 * gets the size of each body before it is decoded.
 */
export function registerJsonBody(app: FastifyInstance, onArrived: (request: FastifyRequest, sizeBytes: number) => void): void {
  const parseJson = app.getDefaultJsonParser('error', 'error')
  const parse = (request: FastifyRequest, text: string): Promise<unknown> =>
    new Promise((resolve, reject) => {
      // The message of the parser quotes the text around the error.
      parseJson(request, text, (error, value) =>
        error ? reject(new ServiceError('invalid_json', 'the body is not valid JSON, or has a forbidden key (__proto__, constructor)')) : resolve(value)
      )
    })
  app.removeContentTypeParser(['text/plain', 'application/json'])
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (request: FastifyRequest, bytes: Buffer) => {
    onArrived(request, bytes.length)
    rejectEncoding(request)
    const pause = bytes.length > LARGE_BYTES ? nextEventLoopTurn : async () => {}
    const text = decode(bytes)
    await pause()
    guardJson(text)
    await pause()
    const value = await parse(request, text)
    await pause()
    return value
  })
}

/** JSON is UTF-8. A body in another charset could be valid UTF-8 with another meaning. */
function rejectEncoding({ headers }: FastifyRequest): void {
  const charsets = [...(headers['content-type'] ?? '').matchAll(/;\s*charset\s*=\s*"?([^";\s]*)/gi)].map(([, name]) => name?.toLowerCase())
  if (charsets.some((charset) => charset !== 'utf-8' && charset !== 'utf8'))
    throw new ServiceError('unsupported_media_type', 'the charset of the body is not utf-8; encode it as UTF-8 and omit the charset')
  const encoding = headers['content-encoding']
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity')
    throw new ServiceError('unsupported_media_type', 'the body has a content-encoding, which is not supported; send it uncompressed')
}

/** Keeps a leading byte-order mark, which `guardJson` rejects. */
function decode(bytes: Buffer): string {
  if (bytes.length === 0) throw new ServiceError('invalid_json', 'the body is empty; send a JSON object')
  if (!isUtf8(bytes)) throw new ServiceError('invalid_utf8', 'the body is not valid UTF-8; encode it as UTF-8')
  return bytes.toString('utf8')
}
