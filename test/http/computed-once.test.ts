import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { completionsOf } from '../support/completions-body.ts'
import { logprobBody } from '../support/logprob-body.ts'
import { pause, type RunningService, startService } from '../support/running-service.ts'

let service: RunningService
before(async () => {
  service = await startService({ LOGPR_RESULT_CACHE_BYTES: '1000000', LOGPR_CANARY_INTERVAL_MS: '0', LOGPR_VERIFY_PERCENT: '0' })
})
after(() => service.stop())

type Body = Awaited<ReturnType<typeof logprobBody>>

async function logprobOf(body: object, headers: Record<string, string> = {}): Promise<Body> {
  return logprobBody(await service.post('/v1/logprob', body, { headers }))
}

async function metric(name: string, labels: string): Promise<number> {
  const text = await (await service.get('/metrics')).text()
  return Number(new RegExp(`^${name}\\{model="logpr-tiny-en"${labels}\\} (.+)$`, 'm').exec(text)?.[1])
}

describe('a request that comes again', () => {
  const REQUEST = { x: 'The children ran down to the', y: [' river', ' sea and swam'], detail: 'tokens', top_logprobs: 2 }

  test('gets the same numbers, computed once', async () => {
    const [first, again] = [await logprobOf(REQUEST), await logprobOf(REQUEST)]
    assert.deepEqual(again.results, first.results)
    assert.equal(first.usage.cached_tokens, 0)
    assert.ok(first.usage.computed_tokens > 0)
    // Of each of both sequences all that it would have fed; computing them the first time, they shared x.
    const fed = first.usage.total_tokens - 2
    assert.deepEqual([again.usage.computed_tokens, again.usage.cached_tokens], [0, fed])
    assert.equal(await metric('logpr_cached_tokens_total', ',source="result"'), fed)
  })

  test('is verified deeply by passes that are computed', async () => {
    const { usage } = await logprobOf({ x: [10, 11], y: [12, 13] })
    const deep = await logprobOf({ x: [10, 11], y: [12, 13], verify: 'deep' })
    assert.equal(deep.usage.cached_tokens, usage.computed_tokens)
    assert.ok(deep.usage.computed_tokens > 2 * usage.computed_tokens)
    assert.equal(deep.results[0]?.checks.verdict, 'pass')
  })

  test('is computed anew when the engine process is another one', async () => {
    const request = { x: [20, 21], y: [22, 23] }
    const first = await logprobOf(request)
    process.kill(service.enginePid(), 'SIGKILL')
    for (let tries = 0; tries < 500 && (await metric('logpr_engine_restarts', '')) === 0; tries++) await pause(20)
    await service.untilReady()
    const again = await logprobOf(request)
    assert.deepEqual([again.usage.computed_tokens, again.usage.cached_tokens], [first.usage.computed_tokens, 0])
    assert.deepEqual(again.results, first.results)
  })

  test('is reused by completions too, with and without the alternatives of other requests', async () => {
    const request = { prompt: ['The river', 'The sea'], max_tokens: 1, echo: true, logprobs: 1 }
    const first = await completionsOf(service, request)
    const again = await completionsOf(service, request)
    assert.deepEqual(again.choices, first.choices)
    // Both prompts whole; computed the first time they shared "The".
    assert.deepEqual([again.usage.computed_tokens, again.usage.cached_tokens], [0, first.usage.prompt_tokens])
    const more = await completionsOf(service, { ...request, logprobs: 5 })
    assert.equal(more.usage.cached_tokens, 0)
  })
})

describe('the header x-priority', () => {
  test('is taken with either value', async () => {
    for (const priority of ['batch', 'interactive']) assert.equal((await logprobOf({ x: [1], y: [2] }, { 'x-priority': priority })).results.length, 1)
  })

  test('is refused with another one, whose text is not repeated', async () => {
    const response = await service.post('/v1/logprob', { x: [1], y: [2] }, { headers: { 'x-priority': 'urgent' } })
    const text = await response.text()
    assert.equal(response.status, 400)
    assert.match(text, /x-priority must be interactive or batch/)
    assert.doesNotMatch(text, /urgent/)
  })
})
