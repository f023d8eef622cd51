import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { nextSlice } from '../../event-loop.ts'

/**
 * Sends the files of the pages from memory: each is read once. A stream per response reads it again for every client
 * that downloads slowly: 500 of them took the processor for five seconds, and the median of other requests rose to five
 * times its value. Partial content is not kept.
 */
export function registerStaticFiles(app: FastifyInstance): void {
  const files = new Map<string, Promise<Buffer>>()
  app.addHook('onSend', async (_, reply, payload) => {
    const key = keyOfFile(reply)
    if (!(payload instanceof Readable) || key === undefined) return payload
    const known = files.get(key)
    if (known !== undefined) payload.destroy()
    const read = known ?? buffer(payload)
    files.set(key, read)
    try {
      return await read
    } catch (error) {
      // A file that could not be read is tried again.
      files.delete(key)
      throw error
    } finally {
      // The kernel takes megabytes of a file at once: many downloads must not do so in one turn of the event loop.
      await nextSlice()
    }
  })
}

/**
 * What a file is recognised by: not its path, which has many spellings, so that the number of files bounds the memory.
 * Undefined when the response is not a whole file.
 */
function keyOfFile(reply: FastifyReply): string | undefined {
  const [etag, type, sizeBytes] = ['etag', 'content-type', 'content-length'].map((name) => reply.getHeader(name))
  if (reply.statusCode !== 200 || etag === undefined || sizeBytes === undefined) return undefined
  return [etag, type, sizeBytes].join()
}
