import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { withoutBasePath } from '../../../src/http/plugins/base-path.ts'
import { loadingApp } from '../../support/loading-app.ts'

const OUTSIDE = '/:outside'

describe('withoutBasePath', () => {
  const CASES: readonly [string, string][] = [
    ['/logpr/v1/logprob', '/v1/logprob'],
    ['/logpr/v1/models?x=/logpr/', '/v1/models?x=/logpr/'],
    ['/logpr/', '/'],
    ['/logpr', '/'],
    ['/logpr?x', '/?x'],
    ['http://host:80/logpr/v1/logprob', 'http://host:80/v1/logprob'],
    ['/readyz', '/readyz'],
    ['/logpr/readyz', '/readyz'],
    ['*', '*'],
    ['/v1/logprob', OUTSIDE],
    ['/', OUTSIDE],
    ['/logprx/v1/logprob', OUTSIDE],
    ['/LOGPR/v1/logprob', OUTSIDE],
    ['//logpr/v1/logprob', OUTSIDE],
    ['/%6Cogpr/v1/logprob', OUTSIDE],
    ['/x/../logpr/v1/logprob', OUTSIDE],
    ['/readyz/', OUTSIDE],
    // Paths that no route has.
    ['/logpr/logpr/v1/logprob', '/logpr/v1/logprob'],
    ['/logpr//v1/logprob', '//v1/logprob'],
    ['/logpr/../v1/logprob', '/../v1/logprob']
  ]
  for (const [url, expected] of CASES) test(`${url} becomes ${expected}`, () => assert.equal(withoutBasePath(url, '/logpr'), expected))

  test('changes nothing without a base path', () => assert.equal(withoutBasePath('//x/../logpr', ''), '//x/../logpr'))
})

describe('with --base-path /ml/logpr', () => {
  let app: FastifyInstance
  before(async () => {
    app = (await loadingApp({ env: { LOGPR_BASE_PATH: '/ml/logpr' } })).app
  })
  after(() => app.close())
  const statusOf = async (url: string): Promise<number> => (await app.inject(url)).statusCode

  for (const path of ['/', '/app.js', '/docs', '/docs/', '/docs/static/swagger-ui.css', '/openapi.json', '/version'])
    test(`${path} is below it`, async () => assert.equal(await statusOf(`/ml/logpr${path}`), 200))

  for (const path of [
    '/',
    '/app.js',
    '/docs',
    '/openapi.json',
    '/v1/models',
    '/ml',
    '/ml/',
    '/ml/logpr/ml/logpr/',
    '/ml/logpr/..',
    '/ml/logpr//',
    '/ml/logpr/../version'
  ])
    test(`${path} does not exist`, async () => assert.equal(await statusOf(path), 404))

  test('a path outside is answered with where the service is', async () => {
    assert.match((await app.inject('/v1/models')).json().detail, /GET \/ml\/logpr\/docs lists all endpoints/)
  })

  test('probes, versions and metrics are at the root too', async () => {
    for (const path of ['/livez', '/version', '/metrics']) assert.deepEqual([await statusOf(path), await statusOf(`/ml/logpr${path}`)], [200, 200])
    assert.equal(await statusOf('/readyz'), 503)
  })

  test('the base path itself leads to the page, where relative URLs are right', async () => {
    for (const url of ['/ml/logpr', '/ml/logpr?x', 'http://localhost/ml/logpr']) {
      const { statusCode, headers } = await app.inject(url)
      assert.deepEqual([statusCode, headers.location], [308, '/ml/logpr/'])
    }
  })

  for (const path of ['/', '/docs', '/docs/'])
    test(`${path} refers to files below it only`, async () => {
      const { body } = await app.inject(`/ml/logpr${path}`)
      const references = [...body.matchAll(/(?:href|src)="(?!data:)([^"]+)"/g)].map(
        ([, reference = '']) => new URL(reference, `http://host/ml/logpr${path}`).pathname
      )
      assert.ok(references.length > 3)
      assert.deepEqual(
        references.filter((reference) => !reference.startsWith('/ml/logpr/')),
        []
      )
    })

  test('redirects of plugins stay below it', async () => {
    assert.equal((await app.inject('/ml/logpr/docs/static/index.html')).headers.location, '/ml/logpr/docs/')
  })

  test('the API description names it as the server', async () => {
    assert.equal((await app.inject('/ml/logpr/openapi.json')).json().servers[0].url, '/ml/logpr')
  })

  test('methods are still checked, and metrics have the route without it', async () => {
    const { statusCode, headers } = await app.inject('/ml/logpr/v1/logprob')
    assert.deepEqual([statusCode, headers.allow], [405, 'POST'])
    await app.inject({ method: 'POST', url: '/ml/logpr/v1/check', payload: { joint: -2, marginal: -1 } })
    assert.ok(/logpr_http_requests_total\{route="\/v1\/check",method="POST",status="200"\} 1/.test((await app.inject('/metrics')).body))
  })
})
