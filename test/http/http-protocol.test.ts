import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { exchange, HOSTILE_REQUESTS, hasProblemBody, statusesOf } from '../support/hostile-http.ts'
import { type ListeningApp, listen } from '../support/http-app.ts'

let app: ListeningApp
before(async () => {
  app = await listen({ keys: [] })
})
after(() => app.close())

describe('a request that is unusual on the wire', () => {
  for (const [name, { bytes, statuses }] of Object.entries(HOSTILE_REQUESTS))
    test(`${name}: ${statuses.join(', ')}, and errors have the one body`, async () => {
      const responses = await exchange(app.url, bytes)
      assert.deepEqual(statusesOf(responses), statuses)
      if (statuses.length === 1 && (statuses[0] ?? 0) >= 400) assert.ok(hasProblemBody(responses), responses)
    })
})

describe('a body in another charset', () => {
  const post = (type: string): Promise<Response> => app.post('/v1/logprob', { x: 'a', y: 'b' }, { headers: { 'content-type': type } })

  for (const type of ['application/json; charset=utf-16', 'application/json; charset="ISO-8859-1"', 'application/json; charset=utf-8; charset=utf-7'])
    test(`${type} is refused`, async () => {
      const response = await post(type)
      assert.deepEqual([response.status, ((await response.json()) as { code: string }).code], [415, 'unsupported_media_type'])
    })

  for (const type of ['application/json; charset=utf-8', 'application/json;charset="UTF-8"'])
    test(`${type} is accepted`, async () => assert.equal((await post(type)).status, 200))
})

test('a missing key is answered with the scheme to use, whose name may be in lower case', async (t) => {
  const keyed = await listen({ keys: ['a-key-of-sixteen-and-more'] })
  t.after(() => keyed.close())
  const refused = await keyed.get('/v1/models')
  assert.equal(refused.headers.get('www-authenticate'), 'Bearer realm="logpr"')
  const accepted = await fetch(`${keyed.url}/v1/models`, { headers: { authorization: 'bearer a-key-of-sixteen-and-more' } })
  assert.equal(accepted.status, 200)
})

test('a client that leaves amid its body is no failure of the service', async () => {
  const before = app.log.length
  const socket = connect(Number(new URL(app.url).port), '127.0.0.1')
  socket.write('POST /v1/logprob HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{')
  await new Promise((resolve) => setTimeout(resolve, 200))
  socket.destroy()
  await new Promise((resolve) => setTimeout(resolve, 200))
  assert.doesNotMatch(app.log.slice(before).join('\n'), /internal_error|request failed/)
})

test('a path that looks like a pattern of routes is an unknown path, and is not logged', async () => {
  const before = app.log.length
  for (const path of ['/:id(secret(', '/*secret*', '/v1/:x']) assert.equal((await app.get(path)).status, 404)
  assert.doesNotMatch(app.log.slice(before).join('\n'), /secret/)
})

test('one address with many connections does not keep another out', async (t) => {
  const small = await listen({ env: { LOGPR_MAX_CONNECTIONS: '8' } })
  t.after(() => small.close())
  const port = Number(new URL(small.url).port)
  const sockets = Array.from({ length: 100 }, () => connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' }).on('error', () => {}))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
  })
  await new Promise((resolve) => setTimeout(resolve, 200))
  assert.equal((await small.get('/livez')).status, 200)
})

test('requests of one connection beyond 16 without a response are refused', async () => {
  const responses = await exchange(app.url, 'GET /version HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(40))
  const statuses = statusesOf(responses)
  assert.deepEqual([statuses.slice(0, 16), statuses.slice(16, 17)], [Array(16).fill(200), [429]])
})
