import type { IncomingMessage } from 'node:http'
import { ServiceError } from '../errors.ts'

const FIRST_BYTES = 65_536

/**
 * Reads a body into one buffer. The chunks are copied as they arrive: a client may send millions of chunks of one byte,
 * and an object for each would take a hundred times the memory of the body.
 *
 * Throws `body_too_large` above `maxBytes`, `invalid_request` for a body of another size than announced, and
 * `client_closed_request`.
 */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const announced = request.headers['content-length'] === undefined ? null : Number(request.headers['content-length'])
  return new Promise((resolve, reject) => {
    let bytes: Buffer = Buffer.allocUnsafeSlow(Math.min(maxBytes, announced ?? FIRST_BYTES))
    let size = 0
    const finish = (settle: () => void): void => {
      request.off('data', take).off('end', end).off('error', fail).off('close', fail)
      settle()
    }
    const take = (chunk: Buffer): void => {
      const needed = size + chunk.length
      if (needed > maxBytes)
        return finish(() => reject(new ServiceError('body_too_large', 'the body exceeds the size limit (max-body-bytes); send fewer items per request')))
      if (needed > bytes.length) bytes = grown(bytes, size, Math.max(needed, Math.min(2 * bytes.length, maxBytes)))
      size = needed
      chunk.copy(bytes, size - chunk.length)
    }
    const end = (): void =>
      finish(() => {
        if (announced !== null && announced !== size)
          reject(new ServiceError('invalid_request', `the header content-length is ${announced}, but the body has ${size} bytes; correct the header`))
        else resolve(bytes.subarray(0, size))
      })
    const fail = (): void => finish(() => reject(new ServiceError('client_closed_request', 'the client closed the connection before it had sent the body')))
    if (announced !== null && announced > maxBytes)
      return reject(new ServiceError('body_too_large', 'the body exceeds the size limit (max-body-bytes); send fewer items per request'))
    if (request.destroyed && !request.complete) return fail()
    request.on('data', take).once('end', end).once('error', fail).once('close', fail)
    request.resume()
  })
}

function grown(bytes: Buffer, size: number, capacity: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(capacity)
  bytes.copy(larger, 0, 0, size)
  return larger
}
