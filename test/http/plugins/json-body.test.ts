import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { describe, test } from 'node:test'
import { fastify } from 'fastify'
import { loadConfig } from '../../../src/config/load-config.ts'
import { registerJsonBody } from '../../../src/http/plugins/json-body.ts'

describe('registerJsonBody', () => {
  const body = JSON.stringify({ x: 'a'.repeat(1000) })

  for (const [name, payload] of [
    ['announced', body],
    ['in chunks, without an announced size', Readable.from([body.slice(0, 100), body.slice(100)])]
  ] as const) {
    test(`knows the size of a body that arrived ${name}`, async () => {
      const app = fastify()
      const arrived: number[] = []
      registerJsonBody(app, loadConfig([], {}).config, (_, sizeBytes) => arrived.push(sizeBytes))
      app.post('/', async ({ bodyBytes }) => ({ bodyBytes }))
      const response = await app.inject({ method: 'POST', url: '/', headers: { 'content-type': 'application/json' }, payload })
      assert.deepEqual([response.json(), arrived], [{ bodyBytes: body.length }, [body.length]])
    })
  }

  test('knows that a request without a body has none', async () => {
    const app = fastify()
    registerJsonBody(app, loadConfig([], {}).config, () => {})
    app.get('/', async ({ bodyBytes }) => ({ bodyBytes }))
    assert.deepEqual((await app.inject('/')).json(), { bodyBytes: 0 })
  })
})
