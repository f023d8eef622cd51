import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { type ClientOptions, LogprClient, LogprConnectionError, LogprError, type LogprobOutcome, type PairOutcome } from '../../src/client/logpr-client.ts'
import { type ListeningApp, listen } from '../support/http-app.ts'
import { present } from '../support/present.ts'

const X = 'The children ran down to the'
const TOLERANCE = 1e-4

let app: ListeningApp
let client: LogprClient
before(async () => {
  app = await listen({ env: { LOGPR_MAX_ITEMS: '64', LOGPR_MAX_BODY_BYTES: '4096', LOGPR_MAX_TEXT_BYTES: '4096' } })
  client = new LogprClient({ baseUrl: `${app.url}/` })
})
after(() => app.close())

const conditionalOf = (outcome: LogprobOutcome): number => {
  assert.equal(outcome.object, 'logprob.result')
  return present(outcome.log_prob.conditional)
}
const codeOf = (outcome: LogprobOutcome): string | null => (outcome.object === 'logprob.failure' ? outcome.error.code : null)

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const value of values) found.push(value)
  return found
}

describe('LogprClient against a service', () => {
  test('scores one prompt with two outputs', async () => {
    const { results, usage } = await client.logprob({ x: X, y: [' river', ' seventeen'] })
    assert.ok(Math.abs(conditionalOf(present(results[0])) - -3.79) < 1e-2)
    assert.ok(conditionalOf(present(results[1])) < -10)
    assert.ok(usage.total_tokens > 0)
  })

  test('scores more pairs than one request takes, in order, with their places', async () => {
    const pairs = Array.from({ length: 150 }, (_, i) => ({ id: `p${i}`, x: X, y: i % 3 === 0 ? [` ${i}`, ' river'] : ` ${i}` }))
    const results = await all(client.scorePairs(pairs, { batchSize: 20, concurrency: 3, scoring: { terms: ['conditional'] } }))

    assert.deepEqual(
      results.map(({ pair, candidate }) => [pair, candidate]),
      pairs.flatMap(({ y }, i) => (Array.isArray(y) ? y.map((_, candidate) => [i, candidate]) : [[i, 0]]))
    )
    assert.ok(results.every(({ id, pair, index }, i) => id === `p${pair}` && index === i))
    const [alone] = (await client.logprob({ x: X, y: ' 149', terms: ['conditional'] })).results
    assert.ok(Math.abs(conditionalOf(present(results.at(-1))) - conditionalOf(present(alone))) < TOLERANCE)
  })

  test('halves a batch that is too large for one request', async () => {
    const pairs = Array.from({ length: 8 }, (_, i) => ({ x: 'word '.repeat(200), y: ` ${i}` }))
    assert.deepEqual(
      (await all(client.scorePairs(pairs))).map((outcome) => [outcome.pair, codeOf(outcome)]),
      pairs.map((_, i) => [i, null])
    )
  })

  test('reads pairs from an async iterable no further than it works', async () => {
    let read = 0
    async function* endless(): AsyncGenerator<{ x: string; y: string }> {
      for (;;) yield { x: X, y: ` ${read++}` }
    }
    const seen: PairOutcome[] = []
    for await (const result of client.scorePairs(endless(), { batchSize: 4, concurrency: 2 })) {
      seen.push(result)
      if (seen.length === 10) break
    }
    assert.ok(read <= 24, `${read} pairs were read`)
  })

  test('an output that cannot be scored is a failure in its place', async () => {
    const results = await all(
      client.scorePairs([
        { x: X, y: ' river' },
        { x: X, y: '' },
        { x: X, y: ' sea' }
      ])
    )
    assert.deepEqual(results.map(codeOf), [null, 'empty_completion', null])
  })

  for (const batchSize of [1, 2, 3])
    test(`a failure names its pair as in the whole list, with ${batchSize} pairs per request`, async () => {
      const pairs = Array.from({ length: 5 }, (_, i) => ({ id: `p${i}`, x: X, y: i === 4 ? '' : ' river' }))
      const results = await all(client.scorePairs(pairs, { batchSize }))
      assert.deepEqual(results.map(codeOf), [null, null, null, null, 'empty_completion'])
      const last = present(results.at(-1))
      assert.ok(last.object === 'logprob.failure')
      assert.deepEqual([last.pair, last.index, last.id, last.error.param], [4, 4, 'p4', 'pairs/4/y'])
      assert.match(last.error.message, /^pairs\/4\/y is empty/)
    })

  test('an error about a field of a pair says where its request begins', async () => {
    const pairs = Array.from({ length: 12 }, (_, i) => (i === 9 ? { x: X, y: [] } : { x: X, y: ' river' }))
    await assert.rejects(all(client.scorePairs(pairs, { batchSize: 4 })), {
      name: 'LogprError',
      param: 'pairs/1/y',
      message: /^in the request that begins with pair 8: pairs\/1\/y is an empty list/
    })
  })

  test('streams results as they finish', async () => {
    const lines = await all(client.streamLogprob({ pairs: [' river', ' sea', ' town'].map((y) => ({ x: X, y })) }))
    assert.deepEqual(lines.map(({ index }) => index).sort(), [0, 1, 2])
    assert.ok(lines.every((line) => conditionalOf(line) < 0))
  })

  test('an error has code, status, field and request id', async () => {
    const error = await client.logprob({ x: X, y: ' river', top_logprobs: 99 }, { headers: { 'x-request-id': 'mine-7' } }).then(
      () => assert.fail('the request was taken'),
      (thrown: unknown) => thrown
    )
    assert.ok(error instanceof LogprError)
    const { status, code, param, requestId, message } = error
    assert.deepEqual({ status, code, param, requestId }, { status: 400, code: 'invalid_request', param: 'top_logprobs', requestId: 'mine-7' })
    assert.match(message, /top_logprobs/)
  })

  test('has the other endpoints', async () => {
    assert.equal((await client.check({ joint: -3.5, marginal: -5.2 })).consistent, false)
    const { tokens } = await client.tokenize({ prompt: ' river' })
    assert.equal((await client.detokenize({ tokens: [...tokens] })).prompt, ' river')
    assert.ok(present((await client.models())[0]).id.length > 0)
    assert.ok((await client.loss({ x: X, y: ' river' })).loss_mean !== undefined)
    assert.equal((await client.choose({ x: X, choices: [' river', ' seventeen'] })).object, 'choice')
    assert.equal((await client.perplexity({ texts: [X, 'Not a river.'] })).corpus?.texts, 2)
    const ranking = await client.rerank({ query: X, documents: [' river', ' seventeen'] })
    assert.deepEqual(ranking.results.map(({ index }) => index).sort(), [0, 1])
  })

  test('an aborted request is rejected with the reason of the signal', async () => {
    const reason = new Error('no longer needed')
    await assert.rejects(client.logprob({ x: X, y: ' river' }, { signal: AbortSignal.abort(reason) }), reason)
  })
})

type Answer = (request: IncomingMessage, response: ServerResponse, attempt: number) => void

/** Runs `use` with a client of a server whose answers are made up. */
async function withServer(
  answer: Answer,
  use: (client: LogprClient, attempts: () => number) => Promise<void>,
  options: Partial<ClientOptions> = {}
): Promise<void> {
  let attempts = 0
  const server = createServer((request, response) => answer(request, response, ++attempts))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    await use(new LogprClient({ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, ...options }), () => attempts)
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

const refuse = (response: ServerResponse, status: number, headers: Readonly<Record<string, string>>): void => {
  response.writeHead(status, { 'content-type': 'application/problem+json', ...headers })
  response.end(JSON.stringify({ detail: 'the queue is full', code: 'queue_full', error: { param: null } }))
}

const BODY = { x: 'a', y: ' b' }

describe('retries', () => {
  test('a refused request is sent again after the time that the service asks for', async () => {
    const at: number[] = []
    const answer: Answer = (_, response, attempt) => {
      at.push(performance.now())
      if (attempt < 3) refuse(response, attempt === 1 ? 429 : 503, { 'retry-after': '1', 'retry-after-ms': '60' })
      else response.end('{"results":[]}')
    }
    await withServer(answer, async (retrying, attempts) => {
      assert.deepEqual(await retrying.logprob(BODY), { results: [] })
      assert.equal(attempts(), 3)
      for (const i of [1, 2]) assert.ok(present(at[i]) - present(at[i - 1]) >= 59)
    })
  })

  test('retries are bounded, and the last error is thrown', async () => {
    const answer: Answer = (_, response) => refuse(response, 429, { 'retry-after-ms': '1' })
    await withServer(
      answer,
      async (retrying, attempts) => {
        await assert.rejects(retrying.logprob(BODY), { name: 'LogprError', status: 429, code: 'queue_full', message: 'the queue is full' })
        assert.equal(attempts(), 3)
      },
      { maxRetries: 2 }
    )
  })

  for (const [name, status] of [
    ['a mistake of the caller', 400],
    ['a failure of the service', 500],
    ['a passed deadline', 504]
  ] as const)
    test(`${name}, ${status}, is not repeated`, () =>
      withServer(
        (_, response) => refuse(response, status, {}),
        async (retrying, attempts) => {
          await assert.rejects(retrying.logprob(BODY), { status })
          assert.equal(attempts(), 1)
        }
      ))

  test('a wait beyond the limit is an error at once', () =>
    withServer(
      (_, response) => refuse(response, 503, { 'retry-after': '3600' }),
      async (retrying, attempts) => {
        await assert.rejects(retrying.logprob(BODY), { status: 503, retryAfterMs: 3_600_000 })
        assert.equal(attempts(), 1)
      }
    ))

  test('aborting ends a wait', () => {
    const controller = new AbortController()
    const answer: Answer = (_, response) => {
      refuse(response, 503, { 'retry-after': '30' })
      setTimeout(() => controller.abort(new Error('enough')), 20)
    }
    return withServer(answer, (retrying) => assert.rejects(retrying.logprob(BODY, { signal: controller.signal }), { message: 'enough' }))
  })

  test('a lost connection is tried again', () =>
    withServer(
      (request, response, attempt) => (attempt === 1 ? request.socket.destroy() : response.end('{"results":[]}')),
      async (retrying) => assert.deepEqual(await retrying.logprob(BODY), { results: [] })
    ))

  test('without a service there is a connection error with its reason', async () => {
    const nobody = new LogprClient({ baseUrl: 'http://127.0.0.1:1', maxRetries: 0 })
    await assert.rejects(nobody.logprob(BODY), (error: unknown) => {
      assert.ok(error instanceof LogprConnectionError && error.cause !== undefined)
      // This port is one that fetch refuses by itself.
      assert.match(error.message, /^no whole response arrived \(bad port\): check the address/)
      return true
    })
  })

  test('a time limit ends the request, and the service is told of it', async () => {
    const told: number[] = []
    const silent = (_: unknown, { headers, signal }: RequestInit = {}): Promise<Response> => {
      told.push(Number((headers as Readonly<Record<string, string>>)['x-request-timeout-ms']))
      return new Promise((_resolve, reject) => present(signal).addEventListener('abort', () => reject(present(signal).reason)))
    }
    const waiting = new LogprClient({ baseUrl: 'http://service.test', fetch: silent })
    await assert.rejects(waiting.logprob(BODY, { timeoutMs: 50 }), { name: 'TimeoutError' })
    assert.ok(told.length === 1 && present(told[0]) > 0 && present(told[0]) <= 50)
  })

  test('an error of a proxy, which is no JSON, has its status as code', () =>
    withServer(
      (_, response) => response.writeHead(413).end('<html>too large</html>'),
      (retrying) => assert.rejects(retrying.logprob(BODY), { status: 413, code: 'http_413' })
    ))
})

describe('streams', () => {
  test('lines and characters may be split over chunks, and a closing line is no result', () => {
    const text = Buffer.from('{"index":0,"id":"é"}\n{"index":1,"id":"b"}\n{"object":"logprob.summary"}')
    const answer: Answer = (_, response) => {
      const cuts = [0, 17, 18, 25, text.length]
      cuts.slice(1).forEach((end, i) => setTimeout(() => response.write(text.subarray(cuts[i], end)), 5 * i))
      setTimeout(() => response.end(), 40)
    }
    return withServer(answer, async (streaming) => {
      assert.deepEqual(
        (await all(streaming.streamLogprob(BODY))).map(({ index, id }) => [index, id]),
        [
          [0, 'é'],
          [1, 'b']
        ]
      )
    })
  })

  test('a stream that breaks off is a connection error after the results that came', () => {
    const answer: Answer = (_, response) => {
      response.write('{"index":0}\n{"ind')
      setTimeout(() => response.destroy(), 30)
    }
    return withServer(answer, async (streaming) => {
      const lines = streaming.streamLogprob(BODY)
      assert.equal((await lines.next()).done, false)
      await assert.rejects(lines.next(), LogprConnectionError)
    })
  })

  test('leaving the loop closes the connection', async () => {
    let closed = (): void => {}
    const isClosed = new Promise<void>((resolve) => {
      closed = resolve
    })
    const answer: Answer = (_, response) => {
      response.on('close', closed)
      response.write('{"index":0}\n')
    }
    await withServer(answer, async (streaming) => {
      for await (const _ of streaming.streamLogprob(BODY)) break
      await isClosed
    })
  })
})

test('a base URL without a scheme is refused with an example', () => {
  assert.throws(() => new LogprClient({ baseUrl: 'localhost:8080' }), /baseUrl must begin with http/)
})
