import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type HttpApp, startApp } from '../support/http-app.ts'
import { type LogprobResultBody, logprobBody, problemBody } from '../support/logprob-body.ts'
import { present } from '../support/present.ts'

const X = 'The children ran down to the'
let service: HttpApp

before(async () => {
  service = await startApp()
})
after(() => service.close())

async function resultsOf(body: object): Promise<readonly LogprobResultBody[]> {
  const response = await service.post('/v1/logprob', body)
  assert.equal(response.status, 200)
  return (await logprobBody(response)).results
}

async function resultOf(body: object): Promise<LogprobResultBody> {
  const [result] = await resultsOf(body)
  assert.ok(result)
  return result
}

describe('POST /v1/logprob', () => {
  test('ranks a likely word above an unlikely one', async () => {
    const [river, seventeen] = await resultsOf({ x: X, y: [' river', ' seventeen'] })

    assert.ok(river && seventeen)
    assert.ok(present(river.log_prob.conditional) > present(seventeen.log_prob.conditional))
    assert.deepEqual([river.candidate, seventeen.candidate], [0, 1])
  })

  test('answers the three terms so that they add up, with a passing verdict', async () => {
    const { log_prob: terms, checks } = await resultOf({ x: X, y: ' river' })

    const [joint, marginal, conditional] = [present(terms.joint), present(terms.marginal), present(terms.conditional)]
    assert.ok(joint <= marginal)
    assert.ok(Math.abs(joint - marginal - conditional) <= 1e-9)
    assert.equal(checks.verdict, 'pass')
    assert.equal(checks.items.length, 15)
  })

  test('gives only the terms that are asked for', async () => {
    const { log_prob } = await resultOf({ x: X, y: ' river', terms: ['conditional'] })
    const whole = await resultOf({ x: X, y: ' river' })

    assert.deepEqual(Object.keys(log_prob), ['conditional'])
    assert.ok(Math.abs(present(log_prob.conditional) - present(whole.log_prob.conditional)) < 1e-4)
  })

  test('reports a merged boundary and names the straddling token', async () => {
    const { boundary, warnings, checks } = await resultOf({ x: 'Once upon a ti', y: 'me' })

    assert.equal(boundary.merged, true)
    assert.equal(boundary.policy, 'split')
    assert.equal(boundary.straddling_token?.text, ' time')
    assert.equal(warnings[0]?.code, 'boundary_merged')
    assert.equal(checks.verdict, 'warn')
  })

  test('moves trailing white space to y under move_space and shows what it scored', async () => {
    const moved = await resultOf({ x: `${X} `, y: 'river', boundary: 'move_space' })
    const plain = await resultOf({ x: X, y: ' river' })

    assert.deepEqual(moved.boundary.scored, { x: X, y: ' river' })
    assert.equal(moved.log_prob.conditional, plain.log_prob.conditional)
  })

  test('gives ids the numbers that their text has', async () => {
    const text = await resultOf({ x: X, y: ' river', detail: 'tokens' })
    const ids = (part: string): number[] =>
      present(text.tokens)
        .filter((token) => token.part === part)
        .map(({ id }) => id)
    const fromIds = await resultOf({ x: ids('x'), y: ids('y') })

    assert.equal(fromIds.boundary.policy, 'tokens')
    assert.equal(fromIds.log_prob.joint, text.log_prob.joint)
  })

  test('scores the end of the sequence as a term of its own', async () => {
    const scored = await resultOf({ x: X, y: ' river', eos: 'score' })
    const plain = await resultOf({ x: X, y: ' river' })

    const withoutEnd = present(scored.log_prob.conditional) - present(scored.log_prob_eos)
    assert.ok(present(scored.log_prob_eos) < 0)
    assert.ok(Math.abs(withoutEnd - present(plain.log_prob.conditional)) < 1e-4)
  })

  test('never gives the first token a probability without a prefix token', async () => {
    const { tokens, warnings } = await resultOf({ x: X, y: ' river', prefix_token: 'none', detail: 'tokens' })

    assert.equal(tokens?.[0]?.part, 'x')
    assert.equal(tokens?.[0]?.log_prob, null)
    assert.equal(warnings[0]?.code, 'conditional_on_first_token')
  })

  test('gives an empty x the log-probability 0', async () => {
    const { log_prob } = await resultOf({ x: '', y: 'The' })
    assert.equal(log_prob.marginal, 0)
    assert.equal(log_prob.joint, log_prob.conditional)
  })

  test('shows tokens whose bytes spell x and y, and the k most probable in order', async () => {
    const y = ' 👨‍👩‍👧 é 漢字'
    const { tokens } = await resultOf({ x: X, y, top_logprobs: 3 })

    const scored = present(tokens).filter(({ part }) => part !== 'prefix')
    assert.equal(Buffer.concat(scored.map(({ bytes }) => Buffer.from(bytes, 'base64'))).toString(), X + y)
    for (const { top, rank, log_prob: logProb } of scored) {
      const values = present(top).map((entry) => entry.log_prob)
      assert.deepEqual(
        values,
        values.toSorted((a, b) => b - a)
      )
      assert.equal(values.length, 3)
      if (rank === 1) assert.equal(logProb, values[0])
      else assert.ok(present(logProb) <= present(values[0]))
    }
  })

  test('takes a control token spelled in text as text unless asked to parse it', async () => {
    const asText = await resultOf({ x: 'a <|endoftext|> b', y: ' c' })
    const asControl = await resultOf({ x: 'a <|endoftext|> b', y: ' c', parse_special_tokens: true })

    assert.equal(asText.checks.verdict, 'pass')
    assert.ok(asText.counts.x.tokens > asControl.counts.x.tokens)
  })

  test('renders messages with the chat template', async () => {
    const { counts } = await resultOf({ messages: [{ role: 'user', content: 'Hello' }], y: ' Hi' })
    assert.equal(counts.x.chars, 'User: Hello\n\nAssistant:'.length)
  })

  test('answers good items beside bad ones, in order, with the ids given', async () => {
    const results = await resultsOf({
      pairs: [
        { id: 'first', x: X, y: ' river' },
        { id: 'bad', x: X, y: '' },
        { x: X, y: [' sea', '\ud800'] }
      ]
    })

    assert.deepEqual(
      results.map(({ index, id, candidate }) => [index, id, candidate]),
      [
        [0, 'first', 0],
        [1, 'bad', 0],
        [2, null, 0],
        [3, null, 1]
      ]
    )
    assert.deepEqual(
      results.map(({ error }) => error?.code),
      [undefined, 'empty_completion', undefined, 'invalid_text']
    )
  })

  test('streams one result per line as NDJSON', async () => {
    const y = Array.from({ length: 20 }, (_, i) => ` word${i}`)
    const response = await service.post('/v1/logprob', { x: X, y }, { headers: { accept: 'application/x-ndjson' } })

    const lines = (await response.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as LogprobResultBody)
    assert.match(present(response.headers.get('content-type')), /^application\/x-ndjson/)
    assert.deepEqual(
      lines.map(({ index }) => index).toSorted((a, b) => a - b),
      y.map((_, i) => i)
    )
  })

  test('compares x alone with x before y under verify deep', async () => {
    const { checks } = await resultOf({ x: X, y: ' river', verify: 'deep' })
    const causality = checks.items.find(({ id }) => id === 'causality')

    assert.equal(causality?.status, 'pass')
    assert.equal(causality?.independent, true)
    assert.ok(present(causality?.value) < 1e-4)
  })

  test('cuts x on the left only when asked, and then says how much', async () => {
    const long = 'hello world '.repeat(300)
    const { log_prob: terms, warnings, checks } = await resultOf({ x: long, y: ' river', on_overflow: 'truncate_left' })

    assert.deepEqual([terms.joint, terms.marginal], [null, null])
    assert.ok(present(terms.conditional) < 0)
    assert.equal(warnings[0]?.code, 'truncated_left')
    assert.equal(checks.verdict, 'warn')
  })

  test('stamps its answer with what it was made with', async () => {
    const { stamp, usage } = await logprobBody(await service.post('/v1/logprob', { x: X, y: ' river' }))
    assert.deepEqual(Object.keys(stamp), ['model_sha256', 'tokenizer_sha256', 'dtype', 'causal', 'execution_provider', 'threads', 'onnxruntime', 'logpr'])
    assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens)
  })

  const ids = (count: number): number[] => Array.from({ length: count }, (_, i) => (i % 4000) + 1)
  for (const { name, tokens, status } of [
    { name: 'one token below the context', tokens: 511, status: 200 },
    { name: 'exactly the context', tokens: 512, status: 200 },
    { name: 'one token above the context', tokens: 513, status: 400 }
  ]) {
    test(`answers ${status} to ${name}`, async () => {
      // The prefix token and y take one place each.
      const response = await service.post('/v1/logprob', { x: ids(tokens - 2), y: [5] })
      assert.equal(response.status, status)
      if (status === 400) assert.match((await problemBody(response)).detail, /513 tokens.*512/)
    })
  }
})

describe('POST /v1/logprob refuses', () => {
  const SECRET = 'zebra-in-the-prompt'
  const cases: { name: string; body: unknown; status: number; code: string }[] = [
    { name: 'a merged boundary under strict', body: { x: 'Once upon a ti', y: 'me', boundary: 'strict' }, status: 422, code: 'boundary_merged' },
    { name: 'a lone surrogate', body: { x: `${SECRET}\ud83d`, y: 'b' }, status: 400, code: 'invalid_text' },
    { name: 'a number as x', body: { x: 5, y: SECRET }, status: 400, code: 'invalid_request' },
    { name: 'null as x', body: { x: null, y: SECRET }, status: 400, code: 'invalid_request' },
    { name: 'an unknown field', body: { x: SECRET, y: 'b', detial: 'tokens' }, status: 400, code: 'invalid_request' },
    { name: 'an empty y', body: { x: SECRET, y: '' }, status: 422, code: 'empty_completion' },
    { name: 'an empty list of y', body: { x: SECRET, y: [] }, status: 400, code: 'invalid_request' },
    { name: 'a missing y', body: { x: SECRET }, status: 400, code: 'invalid_request' },
    { name: 'ids out of range', body: { x: [1, 4096], y: [2] }, status: 400, code: 'token_out_of_range' },
    { name: 'negative ids', body: { x: [-1], y: [2] }, status: 400, code: 'token_out_of_range' },
    { name: 'fractions as ids', body: { x: [1.5], y: [2] }, status: 400, code: 'invalid_request' },
    { name: 'a million characters without a space', body: { x: SECRET + 'a'.repeat(1e6), y: 'b' }, status: 400, code: 'context_length_exceeded' },
    { name: 'a text longer than the context', body: { x: `${SECRET} `.repeat(300), y: 'b' }, status: 400, code: 'context_length_exceeded' },
    { name: 'x and messages together', body: { x: SECRET, messages: [{ role: 'user', content: 'a' }], y: 'b' }, status: 400, code: 'invalid_request' },
    { name: 'x beside pairs', body: { x: SECRET, pairs: [{ x: 'a', y: 'b' }] }, status: 400, code: 'invalid_request' },
    { name: 'an unknown model', body: { model: '../other', x: SECRET, y: 'b' }, status: 404, code: 'model_not_found' },
    { name: 'text under boundary tokens', body: { x: SECRET, y: 'b', boundary: 'tokens' }, status: 400, code: 'invalid_request' },
    { name: 'an empty x without prefix token', body: { x: '', y: SECRET, prefix_token: 'none' }, status: 422, code: 'no_prefix_token' },
    { name: 'top_logprobs with a summary', body: { x: SECRET, y: 'b', detail: 'summary', top_logprobs: 2 }, status: 400, code: 'invalid_request' },
    { name: 'a key that stands twice', body: `{"x":"${SECRET}","x":"a","y":"b"}`, status: 400, code: 'invalid_json' },
    { name: 'JSON that is cut off', body: `{"x":"${SECRET}`, status: 400, code: 'invalid_json' },
    { name: 'an empty body', body: '', status: 400, code: 'invalid_json' },
    { name: 'deep nesting', body: '['.repeat(100_000), status: 400, code: 'invalid_json' },
    { name: '__proto__ as a key', body: '{"__proto__":{"x":1},"x":"a","y":"b"}', status: 400, code: 'invalid_json' },
    { name: 'a byte-order mark', body: `\ufeff{"x":"${SECRET}","y":"b"}`, status: 400, code: 'invalid_json' },
    { name: 'invalid UTF-8', body: Buffer.concat([Buffer.from('{"x":"a'), Buffer.of(0xff), Buffer.from('","y":"b"}')]), status: 400, code: 'invalid_utf8' },
    { name: 'a body above the limit', body: { x: SECRET + 'a'.repeat(34e6), y: 'b' }, status: 413, code: 'body_too_large' }
  ]
  for (const { name, body, status, code } of cases) {
    test(`${name}: ${status} ${code}`, async () => {
      const response = await service.post('/v1/logprob', body)
      const problem = await problemBody(response)

      assert.deepEqual([response.status, problem.code, problem.error.code], [status, code, code])
      assert.equal(response.headers.get('x-request-id'), problem.request_id)
      assert.doesNotMatch(JSON.stringify(problem), /zebra/)
    })
  }

  test('another media type: 415', async () => {
    const response = await service.post('/v1/logprob', 'x=1', { headers: { 'content-type': 'text/plain' } })
    assert.equal(response.status, 415)
  })

  test('and goes on serving, with no text of any request in its log', async () => {
    assert.equal((await service.get('/readyz')).status, 200)
    assert.equal((await service.post('/v1/logprob', { x: SECRET, y: ' b' })).status, 200)
    assert.doesNotMatch(service.log.join('\n'), /zebra/)
  })
})
