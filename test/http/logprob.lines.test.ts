import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type HttpApp, type ListeningApp, listen, startApp } from '../support/http-app.ts'
import type { LogprobResultBody } from '../support/logprob-body.ts'
import { present } from '../support/present.ts'

const NDJSON = 'application/x-ndjson'

let app: HttpApp
let listening: ListeningApp
before(async () => {
  listening = await listen()
  app = await startApp({ env: { LOGPR_MAX_ITEMS: '50' } })
})
after(async () => {
  await listening.close()
  await app.close()
})

type Line = LogprobResultBody & { readonly line?: number; readonly object?: string; readonly [field: string]: unknown }

/** The lines of the response, the results in the order of the request. */
async function posted(lines: readonly (object | string)[], headers: Readonly<Record<string, string>> = {}): Promise<{ results: Line[]; summary: Line }> {
  const body = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n')
  const response = await app.post('/v1/logprob', body, { headers: { 'content-type': NDJSON, ...headers } })
  const text = await response.text()
  assert.equal(response.status, 200, text)
  assert.match(present(response.headers.get('content-type')), /^application\/x-ndjson/)
  const all = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
  return { summary: present(all.pop()), results: all.toSorted((a, b) => a.index - b.index) }
}

async function refused(
  body: string,
  headers: Readonly<Record<string, string>> = {}
): Promise<{ status: number; code: string; message: string; param: string }> {
  const response = await app.post('/v1/logprob', body, { headers: { 'content-type': NDJSON, ...headers } })
  const { error } = (await response.json()) as { error: { code: string; message: string; param: string } }
  return { status: response.status, ...error }
}

const PAIRS = [
  { id: 'a', x: 'The cat sat on the', y: ' mat' },
  { id: 'b', x: 'The river', y: [' ran', ' slept'] },
  { id: 'c', messages: [{ role: 'user', content: 'Hello' }], y: ' Hi' }
]

describe('a body of JSON Lines', () => {
  test('has the same scores as the same pairs in one document', async () => {
    const { results, summary } = await posted(PAIRS)
    const document = (await (await app.post('/v1/logprob', { pairs: PAIRS })).json()) as { results: LogprobResultBody[] }
    assert.deepEqual(
      results.map(({ line: _, ...result }) => result),
      document.results
    )
    assert.deepEqual(
      results.map(({ line }) => line),
      [1, 2, 2, 3]
    )
    const { object, items, ok, failed } = summary
    assert.deepEqual({ object, items, ok, failed }, { object: 'logprob.summary', items: 4, ok: 4, failed: {} })
  })

  test('answers a bad line with its number and loses no other', async () => {
    const { results, summary } = await posted([
      '',
      PAIRS[0] as object,
      '{"x": "secret",',
      '["secret"]',
      { id: 'named', prompt: 'secret', y: ' b' },
      { x: '', y: '' },
      '  \r',
      PAIRS[1] as object
    ])
    assert.deepEqual(
      results.map(({ index, id, line, error }) => [index, id, line, error?.code]),
      [
        [0, 'a', 2, undefined],
        [1, null, 3, 'invalid_json'],
        [2, null, 4, 'invalid_request'],
        [3, 'named', 5, 'invalid_request'],
        [4, null, 6, 'empty_completion'],
        [5, 'b', 8, undefined],
        [6, 'b', 8, undefined]
      ]
    )
    const messages = results.flatMap(({ error }) => error?.message ?? [])
    assert.match(present(messages[0]), /^line 3: the line is not valid JSON: it ends at byte 15/)
    assert.match(present(messages[2]), /^line 5: prompt is not a field of this request; did you mean x\?/)
    assert.doesNotMatch(messages.join(), /secret/)
    assert.deepEqual(summary.failed, { invalid_json: 1, invalid_request: 2, empty_completion: 1 })
  })

  test('may be longer than max-items, which bounds the outputs of a line', async () => {
    const { results } = await posted(Array.from({ length: 120 }, (_, i) => ({ x: [i, 2], y: [3] })))
    assert.equal(results.length, 120)
    const { results: wide } = await posted([{ x: [1], y: Array.from({ length: 51 }, () => [2]) }, PAIRS[0] as object])
    assert.deepEqual([wide.length, wide[0]?.error?.code, wide[1]?.error], [2, 'invalid_request', undefined])
  })

  test('may begin with the options of all pairs', async () => {
    const { results } = await posted([{ terms: ['conditional'], eos: 'score' }, PAIRS[0] as object])
    const [result] = results
    assert.deepEqual([Object.keys(present(result?.log_prob)), result?.line, typeof result?.log_prob_eos], [['conditional'], 2, 'number'])
  })

  test('is refused as a whole for wrong options, an unknown model or no line at all', async () => {
    const pair = JSON.stringify(PAIRS[0])
    const wrong = await refused(`{"detail": "secret"}\n${pair}`)
    assert.deepEqual([wrong.status, wrong.param], [400, 'detail'])
    assert.match(wrong.message, /^line 1: detail must be equal to one of the allowed values: summary, tokens/)
    assert.equal((await refused(`{"model": "secret"}\n${pair}`)).code, 'model_not_found')
    assert.match((await refused('\n \n')).message, /the body has no lines/)
  })

  test('is refused as a whole for misspelt options, which would otherwise not apply to the pairs behind them', async () => {
    const pair = JSON.stringify(PAIRS[0])
    const misspelt = await refused(`{"term": ["conditional"]}\n${pair}`)
    assert.deepEqual([misspelt.status, misspelt.param], [400, 'term'])
    assert.match(misspelt.message, /^line 1: term is not a field of this request; did you mean terms\?$/)
    const summary = await refused(`{"summary": true}\n${pair}`)
    assert.match(summary.message, /^line 1: summary is not a field of this request; write one pair per line/)
    assert.match((await refused(`{"pairs": [${pair}]}`)).message, /^line 1: pairs is not a field of this request; write one pair per line/)
  })

  test('is refused when it has options but no pairs', async () => {
    const { status, code, message } = await refused('{"terms": ["conditional"]}\n\n')
    assert.deepEqual([status, code], [400, 'invalid_json'])
    assert.match(message, /has options but no pairs/)
  })

  test('whose first line has the field names of another tool is not taken for options', async () => {
    const { results } = await posted([{ prompt: 'secret', completion: 'secret' }, PAIRS[0] as object])
    assert.match(present(results[0]?.error?.message), /^line 1: .*did you mean x, y\?$/)
    assert.equal(results[1]?.error, undefined)
  })

  test('says where options belong when a pair has one', async () => {
    const { results } = await posted([{ ...PAIRS[0], terms: ['conditional'] }, PAIRS[1] as object, { detail: 'tokens' }])
    assert.match(present(results[0]?.error?.message), /^line 1: terms is not a field of this request; write .* options only in the first line/)
    assert.match(present(results[3]?.error?.message), /^line 3: detail is not a field of this request; write .* options only in the first line/)
  })

  test('keeps the limits of a body', async () => {
    assert.equal((await refused('{}', { 'content-encoding': 'gzip' })).code, 'unsupported_media_type')
    const small = await startApp({ env: { LOGPR_MAX_BODY_BYTES: '65536', LOGPR_MAX_TEXT_BYTES: '65536' } })
    const post = async (body: string) =>
      ((await (await small.post('/v1/logprob', body, { headers: { 'content-type': NDJSON } })).json()) as { code?: string; error: { code: string } }).code
    assert.equal(await post('{"x":"a","y":" b"}\n'.repeat(4000)), 'body_too_large')
    await small.close()
  })

  test('of another media type is refused with both types that are taken', async () => {
    for (const type of ['application/jsonl', 'text/plain', 'application/x-www-form-urlencoded']) {
      const { status, code, message } = await refused('{"x":"a","y":" b"}', { 'content-type': type })
      assert.deepEqual([status, code], [415, 'unsupported_media_type'])
      assert.match(message, /application\/json .* application\/x-ndjson for JSON Lines/)
    }
  })

  test('is not taken elsewhere', async () => {
    assert.equal((await app.post('/v1/loss', '{"x":"a","y":" b"}', { headers: { 'content-type': NDJSON } })).status, 415)
  })
})

describe('a request without a body of a known type', () => {
  test('is refused', async () => {
    const bare = await fetch(`${listening.url}/v1/logprob`, { method: 'POST' })
    assert.deepEqual([bare.status, ((await bare.json()) as { code: string }).code], [400, 'invalid_request'])
  })

  for (const type of [
    'application/json',
    'Application/JSON',
    'application/json; charset=utf-8',
    'application/json;',
    ' application/json ; a=b',
    'application/json\t'
  ])
    test(`is validated as ${JSON.stringify(type)}, or not read`, async () => {
      const response = await fetch(`${listening.url}/v1/logprob`, {
        method: 'POST',
        body: '{"x": "a", "y": " b", "zebra": 1}',
        headers: { 'content-type': type }
      })
      assert.ok(response.status === 400 || response.status === 415, String(response.status))
    })
})

describe('a stream of a JSON request', () => {
  const stream = async (body: object) =>
    (await (await app.post('/v1/logprob', body, { headers: { accept: NDJSON } })).text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line)

  test('has only results, unless it asks for the summary', async () => {
    const lines = await stream({ pairs: PAIRS })
    assert.ok(lines.every(({ object, index }) => object === 'logprob.result' && Number.isInteger(index)))
    assert.equal(lines.length, 4)
    const summary = present((await stream({ pairs: PAIRS, summary: true })).at(-1))
    assert.deepEqual([summary.object, summary.items, summary.ok], ['logprob.summary', 4, 4])
    assert.ok(Number.isInteger(summary.elapsed_ms))
  })

  test('counts in its summary what the document counts in its own', async () => {
    const body = { pairs: [...PAIRS, { x: '', y: '' }], summary: true }
    const inStream = present((await stream(body)).at(-1))
    const { summary, usage } = (await (await app.post('/v1/logprob', body)).json()) as { summary: Record<string, unknown>; usage: Record<string, number> }
    for (const field of ['items', 'ok', 'failed']) assert.deepEqual(inStream[field], summary[field])
    assert.equal((inStream.usage as Record<string, number>).total_tokens, usage.total_tokens)
  })
})
