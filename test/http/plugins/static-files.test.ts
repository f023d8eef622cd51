import assert from 'node:assert/strict'
import type { ReadStream } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fastifyStatic from '@fastify/static'
import fastify, { type FastifyInstance } from 'fastify'
import { registerStaticFiles } from '../../../src/http/plugins/static-files.ts'
import { PACKAGE_FOLDER } from '../../../src/process/package-info.ts'

/** An app with the files of web/, and the number of streams from which their bytes came. */
async function appWithFiles(): Promise<{ readonly app: FastifyInstance; readonly readBytes: () => number }> {
  const app = fastify()
  const streams: ReadStream[] = []
  app.addHook('onSend', async (_, __, payload) => {
    if (typeof payload === 'object' && payload !== null && 'bytesRead' in payload) streams.push(payload as ReadStream)
    return payload
  })
  registerStaticFiles(app)
  await app.register(fastifyStatic, { root: join(PACKAGE_FOLDER, 'web'), wildcard: false })
  return { app, readBytes: () => streams.reduce((sum, { bytesRead }) => sum + bytesRead, 0) }
}

describe('registerStaticFiles', () => {
  it('reads a file once, whatever the number and the spelling of the requests', async () => {
    const { app, readBytes } = await appWithFiles()
    const first = await app.inject('/app.js')
    assert.equal(readBytes(), first.rawPayload.length)
    for (const url of ['/app.js', '/app.js?a', '/%61pp.js', '/./app.js']) {
      const again = await app.inject(url)
      if (again.statusCode === 404) continue
      assert.deepEqual([again.headers['content-type'], again.rawPayload.equals(first.rawPayload)], [first.headers['content-type'], true])
    }
    assert.equal(readBytes(), first.rawPayload.length)
  })

  it('sends parts of a file, and nothing where the client has it', async () => {
    const { app } = await appWithFiles()
    const whole = await app.inject('/style.css')
    const part = await app.inject({ url: '/style.css', headers: { range: 'bytes=0-9' } })
    assert.deepEqual([part.statusCode, part.payload], [206, whole.payload.slice(0, 10)])
    const unchanged = await app.inject({ url: '/style.css', headers: { 'if-none-match': String(whole.headers.etag) } })
    assert.deepEqual([unchanged.statusCode, unchanged.payload], [304, ''])
    const head = await app.inject({ method: 'HEAD', url: '/style.css' })
    assert.deepEqual([head.statusCode, head.payload, head.headers['content-length']], [200, '', whole.headers['content-length']])
  })
})
