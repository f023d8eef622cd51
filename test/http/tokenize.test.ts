import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type HttpApp, startApp } from '../support/http-app.ts'
import { loadingApp } from '../support/loading-app.ts'
import { problemBody } from '../support/logprob-body.ts'

interface TokenizeAnswer {
  readonly count: number
  readonly max_model_len: number
  readonly tokens: readonly number[]
  readonly token_strs: readonly string[] | null
}

let service: HttpApp
const tokenize = async (body: object): Promise<TokenizeAnswer> => (await (await service.post('/tokenize', body)).json()) as TokenizeAnswer
const detokenize = async (tokens: readonly number[]): Promise<unknown> => await (await service.post('/detokenize', { tokens })).json()

before(async () => {
  service = await startApp()
})
after(() => service.close())

describe('POST /tokenize', () => {
  test('answers in the shape that vLLM has, with the length of the context', async () => {
    assert.deepEqual(await tokenize({ prompt: 'The capital', add_special_tokens: false }), {
      count: 3,
      max_model_len: 512,
      tokens: [485, 2021, 2647],
      token_strs: null
    })
  })

  test('shows how the vocabulary spells each token when asked', async () => {
    assert.deepEqual((await tokenize({ prompt: 'The capital', return_token_strs: true })).token_strs, ['The', 'Ġcap', 'ital'])
  })

  test('makes one id of a control token that the text spells', async () => {
    const info = (await (await service.get('/tokenizer_info')).json()) as { eos_token: string }
    assert.deepEqual((await tokenize({ prompt: info.eos_token, add_special_tokens: false })).tokens, [0])
    assert.deepEqual((await tokenize({ prompt: `${info.eos_token}hello`, add_special_tokens: false })).tokens.slice(0, 1), [0])
  })

  test('gives ids that POST /v1/logprob scores as the same text', async () => {
    const [x, y] = ['The children ran down to the', ' river']
    const [{ tokens: whole }, { tokens: context }] = await Promise.all([tokenize({ prompt: x + y }), tokenize({ prompt: x })])
    const jointOf = async (body: object): Promise<unknown> =>
      ((await (await service.post('/v1/logprob', body)).json()) as { results: { log_prob: { joint: number } }[] }).results[0]?.log_prob.joint
    const ids = { x: context, y: whole.slice(context.length), boundary: 'tokens' }
    assert.equal(await jointOf(ids), await jointOf({ x, y }))
  })

  test('renders a conversation in the chat template', async () => {
    const messages = [{ role: 'user', content: 'Hi' }]
    const { tokens } = await tokenize({ messages })
    assert.deepEqual(await detokenize(tokens), { prompt: 'User: Hi\n\nAssistant:' })
    assert.deepEqual(await detokenize((await tokenize({ messages, add_generation_prompt: false })).tokens), { prompt: 'User: Hi\n\n' })
  })

  test('takes a text of several hundred thousand characters, which no context would hold', async () => {
    const { count, max_model_len } = await tokenize({ prompt: ' river'.repeat(50_000) })
    assert.deepEqual([count, max_model_len], [50_000, 512])
  })

  test('is at the root and not under /v1', async () => {
    for (const path of ['/v1/tokenize', '/v1/detokenize']) assert.equal((await service.post(path, { prompt: '', tokens: [] })).status, 404)
  })
})

describe('POST /detokenize', () => {
  test('gives a text back, control tokens spelled out', async () => {
    const prompt = '<|endoftext|>A family 👨‍👩‍👧 – naïve\n'
    assert.deepEqual(await detokenize((await tokenize({ prompt })).tokens), { prompt })
    assert.deepEqual(await detokenize([]), { prompt: '' })
  })

  for (const id of [-1, 4096, 1e15]) {
    test(`answers 400 with the range of ids to ${id}`, async () => {
      const response = await service.post('/detokenize', { tokens: [464, id] })
      const { code, error } = await problemBody(response)
      assert.deepEqual([response.status, code, error.param], [400, 'token_out_of_range', 'tokens'])
      assert.match(error.message, /are 0 to 4095$/)
    })
  }
})

describe('a wrong request', () => {
  const WRONG: readonly (readonly [string, string, unknown, number, string, string | null])[] = [
    ['no prompt', '/tokenize', {}, 400, 'invalid_request', 'prompt'],
    ['an id as prompt', '/tokenize', { prompt: [464] }, 400, 'invalid_request', 'prompt'],
    ['prompt and messages', '/tokenize', { prompt: 'a', messages: [{ role: 'user', content: 'b' }] }, 400, 'invalid_request', 'messages'],
    ['no messages', '/tokenize', { messages: [] }, 400, 'invalid_request', 'messages'],
    ['a word for a switch', '/tokenize', { prompt: 'a', add_special_tokens: 'no' }, 400, 'invalid_request', 'add_special_tokens'],
    ['half of a pair', '/tokenize', '{"prompt":"\\ud83d"}', 400, 'invalid_text', 'prompt'],
    ['no JSON', '/tokenize', 'prompt=a', 400, 'invalid_json', null],
    ['another model', '/tokenize', { prompt: 'a', model: 'gpt2' }, 404, 'model_not_found', 'model'],
    ['no tokens', '/detokenize', { prompt: 'a' }, 400, 'invalid_request', 'tokens'],
    ['a text as tokens', '/detokenize', { tokens: 'a' }, 400, 'invalid_request', 'tokens'],
    ['half an id', '/detokenize', { tokens: [1.5] }, 400, 'invalid_request', 'tokens/0'],
    ['a text as id', '/detokenize', { tokens: ['1'] }, 400, 'invalid_request', 'tokens/0']
  ]
  for (const [name, path, body, status, code, param] of WRONG) {
    test(`${name}: ${status} ${code}`, async () => {
      const response = await service.post(path, body)
      const problem = await problemBody(response)
      assert.deepEqual([response.status, problem.code, problem.error.param || null], [status, code, param])
    })
  }
})

describe('the model of a text', () => {
  test('is the only one where none is named, or the name is null', async () => {
    const { app } = await loadingApp()
    for (const model of [undefined, null, 'small']) {
      const { statusCode } = await app.inject({ method: 'POST', url: '/tokenize', payload: { model, prompt: 'a' } })
      assert.equal(statusCode, 200)
    }
    await app.close()
  })

  test('has to be named among several', async () => {
    const { app } = await loadingApp({ ids: ['small', 'org/large'] })
    const codeOf = async (payload: object): Promise<unknown> => (await app.inject({ method: 'POST', url: '/detokenize', payload })).json().code
    assert.equal(await codeOf({ tokens: [65] }), 'invalid_request')
    assert.equal(await codeOf({ tokens: [65], model: 'org/large' }), undefined)
    await app.close()
  })
})

test('a field of a client that is not known changes nothing', async () => {
  const { app, tokenizer } = await loadingApp()
  const answer = await app.inject({ method: 'POST', url: '/tokenize', payload: { prompt: 'a', add_special_tokens: false, truncate: 1 } })
  assert.deepEqual([answer.statusCode, tokenizer.calls], [200, [{ text: 'a', addSpecialTokens: false }]])
  await app.close()
})

test('texts are tokenized while the model is being loaded', async () => {
  const { app } = await loadingApp()
  const scored = await app.inject({ method: 'POST', url: '/v1/logprob', payload: { x: 'a', y: 'b' } })
  const tokenized = await app.inject({ method: 'POST', url: '/tokenize', payload: { prompt: 'ab' } })
  assert.deepEqual([scored.json().code, tokenized.json().tokens], ['starting', [97, 98]])
  await app.close()
})

test('a key is needed where keys are configured, as on the routes that score', async () => {
  const key = 'a-key-of-sixteen-and-more'
  const { app } = await loadingApp({ key })
  for (const [method, url, payload] of [
    ['POST', '/tokenize', { prompt: 'a' }],
    ['POST', '/detokenize', { tokens: [65] }],
    ['GET', '/tokenizer_info', undefined]
  ] as const) {
    const statusOf = async (headers: Record<string, string>): Promise<number> =>
      (await app.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) })).statusCode
    assert.deepEqual([await statusOf({}), await statusOf({ authorization: 'Bearer ' }), await statusOf({ authorization: `Bearer ${key}` })], [401, 401, 200])
  }
  await app.close()
})
