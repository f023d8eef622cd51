import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { type ListeningApp, listen } from '../support/http-app.ts'
import { logprobBody, problemBody } from '../support/logprob-body.ts'
import { present } from '../support/present.ts'
import { pause } from '../support/running-service.ts'

const MEBIBYTE = 1 << 20

let service: ListeningApp
before(async () => {
  service = await listen()
})
after(() => service.close())

/** A short list of ids in a body of so many bytes: what surrounds them costs no forward pass. */
function paddedBody(sizeBytes: number): string {
  return `{"x":[5,6],"y":[7]${' '.repeat(sizeBytes)}}`
}

describe('a large body', () => {
  test('of 5 MB of nested token ids is accepted, every prompt of it is looked at, and answers are JSON', async () => {
    // Too long for the context, so that nothing is computed.
    const prompt = Array.from({ length: 2047 }, (_, i) => i % 4096)
    const y = Array.from({ length: 560 }, () => prompt)
    const body = JSON.stringify({ x: [1], y: [...y, [7]], terms: ['conditional'] })
    assert.ok(body.length > 5e6, `${body.length} bytes`)

    const response = await service.post('/v1/logprob', body)

    assert.equal(response.status, 200)
    assert.match(present(response.headers.get('content-type')), /^application\/json/)
    const { results } = await logprobBody(response)
    assert.equal(results.length, 561)
    assert.ok(results.slice(0, -1).every(({ error }) => error?.code === 'context_length_exceeded'))
    assert.ok(present(results.at(-1)?.log_prob.conditional) < 0)
  })

  test('of 5 MB in one string is refused for its length in tokens, not for its bytes', async () => {
    const response = await service.post('/v1/logprob', { x: 'a word '.repeat(750_000), y: ' b' })
    assert.deepEqual([response.status, (await problemBody(response)).code], [400, 'context_length_exceeded'])
  })

  test('of 31 MiB is accepted, and of 33 MiB refused', async () => {
    assert.equal((await service.post('/v1/logprob', paddedBody(31 * MEBIBYTE))).status, 200)
    const refused = await service.post('/v1/logprob', paddedBody(33 * MEBIBYTE))
    assert.deepEqual([refused.status, (await problemBody(refused)).code], [413, 'body_too_large'])
  })

  test('that arrives in chunks of unknown length is accepted', async () => {
    const body = new Blob([paddedBody(3 * MEBIBYTE)]).stream()
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body, duplex: 'half' } as RequestInit
    assert.equal((await fetch(`${service.url}/v1/logprob`, init)).status, 200)
  })
})

test('a compressed body is refused with 415 and the reason', async () => {
  for (const encoding of ['gzip', 'deflate', 'br']) {
    const response = await service.post('/v1/logprob', gzipSync('{"x":"a","y":"b"}'), { headers: { 'content-encoding': encoding } })
    const problem = await problemBody(response)
    assert.deepEqual([response.status, problem.code], [415, 'unsupported_media_type'])
    assert.match(problem.detail, /content-encoding/)
  }
  const plain = await service.post('/v1/logprob', { x: 'a', y: 'b' }, { headers: { 'content-encoding': 'identity' } })
  assert.equal(plain.status, 200)
})

test('clients that take compressed answers get plain JSON', async () => {
  const response = await service.post('/v1/logprob', { x: 'a', y: 'b' }, { headers: { 'accept-encoding': 'gzip, deflate, br, zstd' } })
  assert.equal(response.headers.get('content-encoding'), null)
  assert.equal((await logprobBody(response)).results.length, 1)
})

test('bodies that are too many together are refused with 429 and Retry-After, and taken when others are gone', async (t) => {
  const small = await listen({ env: { LOGPR_MAX_BODY_BYTES: '100000', LOGPR_MAX_HELD_BYTES: '150000', LOGPR_MAX_HELD_BYTES_PER_CLIENT: '150000' } })
  t.after(() => small.close())
  const halfSent = new AbortController()
  // Announced in full, and never sent to its end.
  const stream = new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode('{"x":')) })
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: stream, duplex: 'half', signal: halfSent.signal } as RequestInit
  const waiting = fetch(`${small.url}/v1/logprob`, init).catch(() => 'gone')
  const ask = (): Promise<Response> => small.post('/v1/logprob', paddedBody(60_000))
  let refused = await ask()
  for (let tries = 0; tries < 100 && refused.status === 200; tries++) refused = await ask()

  assert.deepEqual([refused.status, (await problemBody(refused)).code], [429, 'too_many_requests'])
  assert.equal(refused.headers.get('retry-after'), '1')
  assert.equal((await small.post('/v1/logprob', { x: 'a', y: 'b' })).status, 200)
  halfSent.abort()
  assert.equal(await waiting, 'gone')
  let taken = await ask()
  for (let tries = 0; tries < 100 && taken.status !== 200; tries++) {
    await pause(20)
    taken = await ask()
  }
  assert.equal(taken.status, 200)
})
