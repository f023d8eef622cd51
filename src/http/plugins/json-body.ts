import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Config } from '../../config/options.ts'
import { ServiceError } from '../../errors.ts'
import { pauseIfLong } from '../../event-loop.ts'
import { jsonOf } from '../../json/json-lines.ts'
import type { JsonLimits } from '../../json/structure.ts'
import { readBody } from '../read-body.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Size of the body that arrived; 0 without one. A chunked request does not announce it. */
    bodyBytes: number
  }
}

export type BodyLimits = Pick<Config, 'MAX_BODY_BYTES' | 'MAX_ITEMS' | 'MAX_TEXT_BYTES'>
/** Called with the size of each body before it is decoded. */
export type OnArrived = (request: FastifyRequest, sizeBytes: number) => void

/** Parses JSON bodies without changing anything: whatever a lenient parser would alter silently is rejected. */
export function registerJsonBody(app: FastifyInstance, config: BodyLimits, onArrived: OnArrived): void {
  const limits = jsonLimitsOf(config)
  app.decorateRequest('bodyBytes', 0)
  app.removeContentTypeParser(['text/plain', 'application/json'])
  app.addContentTypeParser('application/json', async (request: FastifyRequest, payload: IncomingMessage) => {
    const bytes = await arrivedBody(request, payload, config, onArrived)
    if (bytes.length === 0) throw new ServiceError('invalid_json', 'the body is empty; send a JSON object')
    await pauseIfLong()
    return jsonOf(bytes, limits, 'body')
  })
}

/** The bytes of a body. Throws what `readBody` throws, and `unsupported_media_type` for an encoding. */
export async function arrivedBody(request: FastifyRequest, payload: IncomingMessage, config: BodyLimits, onArrived: OnArrived): Promise<Buffer> {
  const bytes = await readBody(payload, config.MAX_BODY_BYTES)
  request.bodyBytes = bytes.length
  onArrived(request, bytes.length)
  rejectEncoding(request)
  return bytes
}

/** Objects and lists per item: a conversation may have as many messages. */
const CONTAINERS_PER_ITEM = 20
/** Texts and keys per item: four per message. */
const STRINGS_PER_ITEM = 80
/** A body has at least so many bytes per value: token ids are numbers of two or three digits and more. */
const BYTES_PER_VALUE = 4
/** Log-probabilities of a text in POST /v1/check. */
const MAX_DECIMALS = 1_048_576
/** For configurations with a low limit of items: what one item may need. */
const MIN_ITEMS = 1024

/** How many parts a body within the limits of the service may have. */
export function jsonLimitsOf({ MAX_BODY_BYTES, MAX_ITEMS, MAX_TEXT_BYTES }: BodyLimits): JsonLimits {
  const items = Math.max(MIN_ITEMS, MAX_ITEMS)
  return {
    containers: CONTAINERS_PER_ITEM * items,
    strings: STRINGS_PER_ITEM * items,
    values: Math.max(STRINGS_PER_ITEM * items, Math.floor(MAX_BODY_BYTES / BYTES_PER_VALUE)),
    decimals: MAX_DECIMALS,
    textBytes: MAX_TEXT_BYTES
  }
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
