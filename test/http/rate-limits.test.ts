import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type HttpApp, startApp } from '../support/http-app.ts'
import { problemBody } from '../support/logprob-body.ts'
import { present } from '../support/present.ts'

const BODY = { x: 'The children ran down to the', y: ' river' }

async function withApp(keys: readonly string[], env: Readonly<Record<string, string>>, use: (app: HttpApp) => Promise<void>): Promise<void> {
  const app = await startApp({ env, keys })
  try {
    await use(app)
  } finally {
    await app.close()
  }
}

const posted = (app: HttpApp, key: string): Promise<Response> => app.post('/v1/logprob', BODY, { headers: { authorization: `Bearer ${key}` } })

describe('rate limits', () => {
  test('are off by default, and then send no headers', async () => {
    await withApp([], {}, async (app) => {
      const response = await app.post('/v1/logprob', BODY)
      assert.deepEqual([response.status, response.headers.get('ratelimit'), response.headers.get('ratelimit-policy')], [200, null, null])
    })
  })

  test('refuse a client that used its requests, say when to retry, and let another one in', async () => {
    const keys = ['first-key-of-16-characters requests-per-minute=2', 'second-key-of-16-characters']
    await withApp(keys, { LOGPR_REQUESTS_PER_MINUTE: '100' }, async (app) => {
      const statuses: number[] = []
      for (let i = 0; i < 3; i++) statuses.push((await posted(app, 'first-key-of-16-characters')).status)
      assert.deepEqual(statuses, [200, 200, 429])
      const refused = await posted(app, 'first-key-of-16-characters')
      assert.equal((await problemBody(refused)).code, 'rate_limit_exceeded')
      const retryAfter = Number(refused.headers.get('retry-after'))
      assert.ok(retryAfter >= 1 && retryAfter <= 60, `${retryAfter} s`)
      assert.equal(refused.headers.get('ratelimit-policy'), '"requests";q=2;w=60')
      assert.match(present(refused.headers.get('ratelimit')), /^"requests";r=0;t=\d+$/)

      const other = await posted(app, 'second-key-of-16-characters')
      assert.equal(other.status, 200)
      assert.match(present(other.headers.get('ratelimit')), /^"requests";r=99;t=60$/)
    })
  })

  test('count the keys of one name as one client, and exempt a client with the limit 0', async () => {
    const keys = [
      'first-key-of-16-characters name=team requests-per-minute=1',
      'second-key-of-16-characters name=team requests-per-minute=1',
      'third-key-of-16-characters requests-per-minute=0'
    ]
    await withApp(keys, { LOGPR_REQUESTS_PER_MINUTE: '1' }, async (app) => {
      assert.equal((await posted(app, 'first-key-of-16-characters')).status, 200)
      assert.equal((await posted(app, 'second-key-of-16-characters')).status, 429)
      for (let i = 0; i < 3; i++) assert.equal((await posted(app, 'third-key-of-16-characters')).status, 200)
    })
  })

  test('charge the tokens that the model computes, and refuse a client that has none left', async () => {
    await withApp([], { LOGPR_TOKENS_PER_MINUTE: '5' }, async (app) => {
      const first = await app.post('/v1/logprob', { ...BODY, x: 'Tokens that only this test computes' })
      assert.equal(first.status, 200)
      assert.match(present(first.headers.get('ratelimit')), /^"tokens";r=0;t=\d+$/)
      const second = await app.post('/v1/logprob', BODY)
      assert.equal(second.status, 429)
      assert.match((await problemBody(second)).detail, /5 tokens per minute/)
    })
  })

  test('do not count requests without a valid key', async () => {
    await withApp(['first-key-of-16-characters requests-per-minute=1'], {}, async (app) => {
      for (let i = 0; i < 3; i++) assert.equal((await posted(app, 'wrong')).status, 401)
      assert.equal((await posted(app, 'first-key-of-16-characters')).status, 200)
    })
  })
})
