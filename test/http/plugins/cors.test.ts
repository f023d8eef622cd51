import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { loadingApp } from '../../support/loading-app.ts'

const ORIGIN = 'https://app.example.com'
const KEY = 'a-key-of-sixteen-and-more'

type Origins = Readonly<Record<'LOGPR_CORS_ORIGIN', string>>

async function preflight(app: FastifyInstance, origin: string, url = '/v1/logprob'): Promise<LightMyRequestResponse> {
  const headers = { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,content-type,x-stainless-os' }
  return app.inject({ method: 'OPTIONS', url, headers })
}

/** The names of all headers of a response that CORS defines. */
const corsHeaders = ({ headers }: LightMyRequestResponse): string[] => Object.keys(headers).filter((name) => name.startsWith('access-control-'))

describe('without --cors-origin', () => {
  test('no response allows another origin, and a preflight is refused', async () => {
    const { app } = await loadingApp()
    const answers = [await preflight(app, ORIGIN), await app.inject({ url: '/version', headers: { origin: ORIGIN } })]
    assert.deepEqual(answers.flatMap(corsHeaders), [])
    assert.deepEqual([answers[0]?.statusCode, answers[0]?.headers.allow], [405, 'POST'])
    await app.close()
  })
})

describe('with a list of origins', () => {
  let app: FastifyInstance
  const env: Origins = { LOGPR_CORS_ORIGIN: `http://localhost:5173,${ORIGIN}` }
  before(async () => {
    app = (await loadingApp({ env, key: KEY })).app
  })
  after(() => app.close())

  test('a preflight needs no key and allows the headers that it asks for', async () => {
    const { statusCode, headers, body } = await preflight(app, ORIGIN)
    assert.deepEqual([statusCode, body], [204, ''])
    assert.equal(headers['access-control-allow-origin'], ORIGIN)
    assert.match(String(headers['access-control-allow-methods']), /\bPOST\b/)
    assert.match(String(headers['access-control-allow-headers']), /authorization/)
    assert.match(String(headers.vary), /Origin/i)
  })

  test('the request itself still needs a key, and the page can read why it was refused', async () => {
    const { statusCode, headers } = await app.inject({ method: 'POST', url: '/v1/logprob', headers: { origin: ORIGIN }, payload: {} })
    assert.deepEqual([statusCode, headers['access-control-allow-origin']], [401, ORIGIN])
  })

  test('a page can read when to retry, its limits and the request id, also of errors', async () => {
    const request = { origin: ORIGIN, authorization: `Bearer ${KEY}` }
    const { statusCode, headers } = await app.inject({ method: 'POST', url: '/v1/logprob', headers: request, payload: { x: 'a', y: ' b' } })
    assert.equal(statusCode, 503)
    assert.equal(headers['access-control-allow-origin'], ORIGIN)
    const exposed = String(headers['access-control-expose-headers']).split(', ')
    for (const name of ['retry-after', 'ratelimit', 'ratelimit-policy', 'x-request-id']) assert.ok(exposed.includes(name), name)
  })

  test('a page can read that a path does not exist', async () => {
    const { statusCode, headers } = await app.inject({ url: '/v1/lgprob', headers: { origin: ORIGIN } })
    assert.deepEqual([statusCode, headers['access-control-allow-origin']], [404, ORIGIN])
  })

  const MALICIOUS = [
    'https://evil.example',
    'null',
    'https://app.example.com.evil.example',
    'https://evil-app.example.com',
    'https://app.example.com:8443',
    'http://app.example.com',
    'https://app.example.com@evil.example',
    'https://APP.example.com',
    '*',
    ''
  ]
  for (const origin of MALICIOUS)
    test(`the origin ${JSON.stringify(origin)} may read nothing`, async () => {
      for (const answer of [await preflight(app, origin), await app.inject({ url: '/version', headers: { origin } })])
        assert.equal(answer.headers['access-control-allow-origin'], undefined)
    })

  test('credentials are never allowed', async () => {
    for (const origin of [ORIGIN, 'https://evil.example']) assert.equal((await preflight(app, origin)).headers['access-control-allow-credentials'], undefined)
  })

  test('OPTIONS that is no preflight is answered as without CORS', async () => {
    for (const headers of [{}, { origin: ORIGIN }, { 'access-control-request-method': 'POST' }]) {
      const { statusCode, headers: answered } = await app.inject({ method: 'OPTIONS', url: '/v1/logprob', headers })
      assert.deepEqual([statusCode, answered.allow], [405, 'POST'])
    }
    assert.equal((await app.inject({ method: 'OPTIONS', url: '/nowhere' })).statusCode, 404)
  })
})

describe('with *', () => {
  test('every page may read, and none with credentials', async () => {
    const { app } = await loadingApp({ env: { LOGPR_CORS_ORIGIN: '*' }, key: KEY })
    const { headers } = await preflight(app, 'https://evil.example')
    assert.equal(headers['access-control-allow-origin'], '*')
    assert.equal(headers['access-control-allow-credentials'], undefined)
    await app.close()
  })
})
