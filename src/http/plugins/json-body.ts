import { isUtf8 } from 'node:buffer'
import { setImmediate as othersTurn } from 'node:timers/promises'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ServiceError } from '../../errors.ts'
import { guardJson } from '../../json/guard.ts'

/** Decoding, looking through, parsing and checking a body of this size take some milliseconds each; beyond it, others get their turn in between. */
const LARGE_BYTES = 262_144

/**
 * Bodies are decoded and parsed without altering anything: what cannot be taken as it stands is refused. `onArrived` is
 * told the size of each body before it is looked at.
 */
export function registerJsonBody(app: FastifyInstance, onArrived: (request: FastifyRequest, sizeBytes: number) => void): void {
  const parseJson = app.getDefaultJsonParser('error', 'error')
  const parse = (request: FastifyRequest, text: string): Promise<unknown> =>
    new Promise((resolve, reject) => {
      // The parser's own message quotes the text around the fault.
      parseJson(request, text, (error, value) => (error ? reject(new ServiceError('invalid_json', 'the body is not valid JSON')) : resolve(value)))
    })
  app.removeContentTypeParser(['text/plain', 'application/json'])
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (request: FastifyRequest, bytes: Buffer) => {
    onArrived(request, bytes.length)
    refuseEncoding(request)
    const pause = bytes.length > LARGE_BYTES ? othersTurn : async () => {}
    const text = decoded(bytes)
    await pause()
    guardJson(text)
    await pause()
    const value = await parse(request, text)
    await pause()
    return value
  })
}

function refuseEncoding({ headers }: FastifyRequest): void {
  const encoding = headers['content-encoding']
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity')
    throw new ServiceError('unsupported_media_type', 'the body has a content-encoding; send it as it is, without compression')
}

/** A byte-order mark stays in front, where the guard finds it. */
function decoded(bytes: Buffer): string {
  if (bytes.length === 0) throw new ServiceError('invalid_json', 'the body is empty; send a JSON object')
  if (!isUtf8(bytes)) throw new ServiceError('invalid_utf8', 'the body is not valid UTF-8; encode it as UTF-8 before sending')
  return bytes.toString('utf8')
}
