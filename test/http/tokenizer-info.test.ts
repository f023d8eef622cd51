import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type HttpApp, startApp } from '../support/http-app.ts'
import { loadingApp } from '../support/loading-app.ts'

describe('GET /tokenizer_info', () => {
  let service: HttpApp
  let info: Readonly<Record<string, unknown>>
  before(async () => {
    service = await startApp()
    info = (await (await service.get('/tokenizer_info')).json()) as Record<string, unknown>
  })
  after(() => service.close())

  test('spells control tokens, or has null, and never ids', () => {
    assert.deepEqual([info.bos_token, info.eos_token, info.pad_token, info.unk_token], ['<|endoftext|>', '<|endoftext|>', null, null])
    const tokens = Object.entries(info).filter(([name]) => name.endsWith('_token'))
    assert.equal(tokens.length, 7)
    for (const [name, token] of tokens) assert.ok(token === null || typeof token === 'string', name)
  })

  test('has the class and the chat template of tokenizer_config.json', () => {
    assert.equal(info.tokenizer_class, 'PreTrainedTokenizerFast')
    assert.match(String(info.chat_template), /^\{% for message in messages %\}/)
    assert.deepEqual(info.added_tokens_decoder, { '0': { content: '<|endoftext|>', special: true } })
  })

  test('publishes the same length of the context as GET /v1/models and POST /tokenize', async () => {
    const { data } = (await (await service.get('/v1/models')).json()) as { data: readonly { max_model_len: number }[] }
    const tokenized = (await (await service.post('/tokenize', { prompt: '' })).json()) as { max_model_len: number }
    assert.deepEqual([info.max_model_len, tokenized.max_model_len, data[0]?.max_model_len], [512, 512, 512])
  })
})

describe('GET /tokenizer_info of a configuration', () => {
  test('that switches it off is answered 404 with the reason, and POST /tokenize as before', async () => {
    const { app } = await loadingApp({ env: { LOGPR_TOKENIZER_INFO: 'false' } })
    const info = await app.inject('/tokenizer_info')
    const tokenized = await app.inject({ method: 'POST', url: '/tokenize', payload: { prompt: 'a' } })
    assert.deepEqual([info.statusCode, info.json().code, tokenized.statusCode], [404, 'not_found', 200])
    assert.match(info.json().detail, /disabled/)
    await app.close()
  })

  test('with several models needs the name of one', async () => {
    const { app } = await loadingApp({ ids: ['small', 'org/large'] })
    assert.deepEqual(
      [(await app.inject('/tokenizer_info')).json().code, (await app.inject('/tokenizer_info?model=tiny')).json().code],
      ['invalid_request', 'model_not_found']
    )
    assert.equal((await app.inject('/tokenizer_info?model=org/large')).json().model, 'org/large')
    await app.close()
  })
})
