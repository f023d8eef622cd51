import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type HttpApp, startApp } from '../support/http-app.ts'
import { problemBody } from '../support/logprob-body.ts'

const TEXT = 'a secret text'
let service: HttpApp

before(async () => {
  service = await startApp({ env: { LOGPR_MAX_ITEMS: '4' } })
})
after(() => service.close())

describe('POST /v1/completions', () => {
  for (const [what, fields, param, message] of [
    ['generation', { max_tokens: 16 }, 'max_tokens', /^generation is not supported; max_tokens must be 0 or 1, got 16$/],
    ['the 16 tokens that OpenAI generates by default', { max_tokens: undefined, echo: false }, 'max_tokens', /generation is not supported: send 0 or 1/],
    ['a max_tokens that is no number', { max_tokens: '1' }, 'max_tokens', /integer/],
    ['half a token', { max_tokens: 0.5 }, 'max_tokens', /integer/],
    ['a stream', { stream: true }, 'stream', /send stream: false/],
    ['two completions', { n: 2 }, 'n', /send 1, or leave it out/],
    ['the best of three', { best_of: 3 }, 'best_of', /send 1, or leave it out/],
    ['a suffix', { suffix: TEXT }, 'suffix', /leave suffix out/],
    ['a logit bias', { logit_bias: { 5: 1 } }, 'logit_bias', /leave logit_bias out/],
    ['truncation on the left', { truncate_prompt_tokens: 3 }, 'truncate_prompt_tokens', /would change which tokens are scored/],
    ['more logprobs than 20', { logprobs: 21 }, 'logprobs', /<= 20/],
    ['the whole vocabulary', { logprobs: -1 }, 'logprobs', />= 0/],
    ['more prompt_logprobs than 20', { prompt_logprobs: 21 }, 'prompt_logprobs', /<= 20/],
    ['true for prompt_logprobs', { prompt_logprobs: true }, 'prompt_logprobs', /integer/],
    ['another echo', { echo: 2 }, 'echo', /<= 1/],
    ['no prompt', { prompt: undefined }, 'prompt', /missing/],
    ['null for a prompt', { prompt: null }, 'prompt', /a string or an array/],
    ['an object for a prompt', { prompt: { text: TEXT } }, 'prompt', /a string or an array/],
    ['an empty text', { prompt: '' }, 'prompt', /send a text that is not empty/],
    ['an empty list', { prompt: [] }, 'prompt', /empty list/],
    ['texts beside ids', { prompt: [TEXT, [1]] }, 'prompt/1', /of a different type than prompt\/0/],
    ['halves of ids', { prompt: [[1.5]] }, 'prompt/0/0', /integer/],
    ['more prompts than are taken at once', { prompt: ['a', 'b', 'c', 'd', 'e'] }, 'prompt', /has 5 prompts; the limit is 4 /],
    ['half of a character', { prompt: `${TEXT}\ud83d` }, 'prompt', /lone surrogate/]
  ] as const) {
    test(`refuses ${what}, naming the field and never quoting the text`, async () => {
      const response = await service.post('/v1/completions', { prompt: TEXT, echo: true, max_tokens: 0, logprobs: 1, ...fields })
      const body = await problemBody(response)
      assert.deepEqual([response.status, body.error.param], [400, param])
      assert.match(body.error.message, message)
      assert.ok(!JSON.stringify(body).includes('secret'))
      assert.equal(response.headers.get('content-type'), 'application/problem+json; charset=utf-8')
    })
  }

  test('refuses a key that comes twice and a body that is no JSON, as all routes do', async () => {
    for (const body of ['{"prompt":"a","prompt":"b","echo":true}', '{"prompt":']) {
      assert.deepEqual((await service.post('/v1/completions', body)).status, 400)
    }
  })
})
