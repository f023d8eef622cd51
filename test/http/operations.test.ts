import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { problemBody } from '../support/logprob-body.ts'
import { present } from '../support/present.ts'
import { type RunningService, startService } from '../support/running-service.ts'

const KEY = 'a-key-of-sixteen-and-more'
const HASHED_KEY = 'another-key-of-some-length'
const BODY = { x: 'The children ran down to the', y: ' river' }
let service: RunningService

before(async () => {
  const keys = join(mkdtempSync(join(tmpdir(), 'logpr-')), 'keys')
  writeFileSync(keys, `# keys\n${KEY}\nsha256:${createHash('sha256').update(HASHED_KEY).digest('hex')}\n`)
  service = await startService({ LOGPR_API_KEYS_FILE: keys, LOGPR_BODY_TIMEOUT_MS: '1500', LOGPR_HEADERS_TIMEOUT_MS: '1000' })
})
after(() => service.stop())

describe('API keys', () => {
  const authorized = (key: string): RequestInit => ({ headers: { authorization: `Bearer ${key}` } })
  for (const key of [KEY, HASHED_KEY]) {
    test(`a listed key is taken, ${key === KEY ? 'plain' : 'hashed'} in the file`, async () => {
      assert.equal((await service.post('/v1/logprob', BODY, authorized(key))).status, 200)
    })
  }
  for (const [name, init] of [
    ['no key', {}],
    ['a wrong key', authorized('wrong')],
    ['a key with one character more', authorized(`${KEY}x`)]
  ] as const) {
    test(`${name} is answered 401`, async () => {
      const response = await service.post('/v1/logprob', BODY, init)
      assert.equal(response.status, 401)
      assert.equal((await problemBody(response)).code, 'unauthorized')
    })
  }
  for (const path of ['/livez', '/readyz', '/startupz', '/health', '/version', '/metrics', '/openapi.json', '/openapi.yaml', '/docs/', '/']) {
    test(`${path} needs no key`, async () => {
      assert.equal((await service.get(path)).status, 200)
    })
  }
  test('GET /v1/models needs one', async () => {
    assert.equal((await service.get('/v1/models')).status, 401)
  })
})

describe('requests', () => {
  test('get their own id back, or a new one when theirs could not be logged', async () => {
    const own = await fetch(`${service.url}/version`, { headers: { 'x-request-id': 'run-7.a_b' } })
    const refused = await fetch(`${service.url}/version`, { headers: { 'x-request-id': 'has spaces and {braces}' } })

    assert.equal(own.headers.get('x-request-id'), 'run-7.a_b')
    assert.match(present(refused.headers.get('x-request-id')), /^[0-9a-f-]{36}$/)
  })

  test('pass on a valid traceparent', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    const response = await fetch(`${service.url}/version`, { headers: { traceparent } })
    assert.equal(response.headers.get('traceparent'), traceparent)
  })

  test('to an unknown path are 404, with the wrong method 405 and Allow', async () => {
    const wrong = await service.get('/v1/logprob')
    assert.equal((await service.get('/v2')).status, 404)
    assert.deepEqual([wrong.status, wrong.headers.get('allow')], [405, 'POST'])
  })

  test('whose body does not arrive in time are answered 408', async () => {
    const { hostname, port } = new URL(service.url)
    const socket = connect(Number(port), hostname)
    socket.write(`POST /v1/logprob HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${KEY}\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{`)

    const answer = await new Promise<string>((resolve) => {
      let text = ''
      socket.on('data', (chunk) => {
        text += String(chunk)
      })
      socket.on('close', () => resolve(text))
    })
    assert.match(answer, /^HTTP\/1.1 408 /)
    assert.match(answer, /"code":"request_timeout"/)
  })

  test('that are not HTTP are answered 400', async () => {
    const { hostname, port } = new URL(service.url)
    const socket = connect(Number(port), hostname)
    socket.end('not http\r\n\r\n')
    const chunks: Buffer[] = []
    for await (const chunk of socket) chunks.push(chunk as Buffer)
    assert.match(Buffer.concat(chunks).toString(), /^HTTP\/1.1 400 /)
  })
})

test('metrics count what was answered and carry units in their names', async () => {
  const text = await (await service.get('/metrics')).text()
  assert.match(text, /logpr_http_requests_total\{route="\/v1\/logprob",method="POST",status="401"\} 3/)
  assert.match(text, /logpr_ready\{model="logpr-tiny-en"\} 1/)
  assert.match(text, /logpr_nodejs_eventloop_lag_p99_seconds/)
})
