import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type HttpApp, startApp } from '../support/http-app.ts'
import { problemBody } from '../support/logprob-body.ts'
import type { TeiProblemBody } from '../support/rerank-body.ts'
import { pause } from '../support/running-service.ts'

const SECRET = 'zebra-in-the-query'
const LONG = `${SECRET} `.repeat(300)
let service: HttpApp

before(async () => {
  service = await startApp({ env: { LOGPR_MAX_ITEMS: '8', LOGPR_MAX_BODY_BYTES: '1000000' } })
})
after(() => service.close())

describe('POST /v1/rerank refuses', () => {
  const cases: { name: string; body: unknown; status: number; code: string; param?: string; says?: RegExp }[] = [
    { name: 'documents and texts together', body: { documents: ['a'], texts: ['a'] }, status: 400, code: 'invalid_request', says: /exclude each other/ },
    { name: 'neither documents nor texts', body: {}, status: 400, code: 'invalid_request', param: 'documents', says: /documents.*texts/ },
    { name: 'a missing query', body: { query: undefined, documents: ['a'] }, status: 400, code: 'invalid_request', param: 'query' },
    { name: 'a query that is a list', body: { query: ['a'], documents: ['a'] }, status: 400, code: 'invalid_request', param: 'query' },
    { name: 'an empty query', body: { query: '', documents: ['a'] }, status: 422, code: 'empty_completion', param: 'query' },
    { name: 'documents as one text', body: { documents: SECRET }, status: 400, code: 'invalid_request', param: 'documents' },
    { name: 'no documents', body: { documents: [] }, status: 400, code: 'invalid_request', param: 'documents' },
    {
      name: 'an empty document',
      body: { documents: ['a', '', 'b'] },
      status: 422,
      code: 'empty_completion',
      param: 'documents/1',
      says: /documents\/1 is empty/
    },
    { name: 'a document with an empty text', body: { documents: [{ text: '' }] }, status: 422, code: 'empty_completion', param: 'documents/0' },
    { name: 'a document without text', body: { documents: ['a', { title: SECRET }] }, status: 400, code: 'invalid_request', param: 'documents/1/text' },
    { name: 'a document that is a number', body: { documents: ['a', 5] }, status: 400, code: 'invalid_request', param: 'documents/1' },
    { name: 'a document that is null', body: { documents: [null] }, status: 400, code: 'invalid_request', param: 'documents/0' },
    { name: 'a document cut inside a character', body: { documents: ['a', '\ud83d'] }, status: 400, code: 'invalid_text', param: 'documents/1' },
    {
      name: 'a document longer than the context',
      body: { documents: ['a', LONG] },
      status: 400,
      code: 'context_length_exceeded',
      param: 'documents/1',
      says: /documents\/1.*\d{4} tokens.*512 tokens/
    },
    {
      name: 'a document longer than the context in the other direction',
      body: { documents: ['a', 'b', LONG], direction: 'query_given_document' },
      status: 400,
      code: 'context_length_exceeded',
      param: 'documents/2',
      says: /\d{4} tokens.*512 tokens/
    },
    {
      name: 'more documents than are taken at once',
      body: { documents: Array(9).fill('a') },
      status: 400,
      code: 'invalid_request',
      says: /has 9 documents; the limit is 8 /
    },
    { name: 'an unknown model', body: { model: 'rerank-v3.5', documents: ['a'] }, status: 404, code: 'model_not_found' },
    { name: 'top_n as a text', body: { documents: ['a'], top_n: '3' }, status: 400, code: 'invalid_request', param: 'top_n' },
    { name: 'top_n as a fraction', body: { documents: ['a'], top_n: 1.5 }, status: 400, code: 'invalid_request', param: 'top_n' },
    { name: 'another direction', body: { documents: ['a'], direction: 'both' }, status: 400, code: 'invalid_request', says: /document_given_query/ },
    { name: 'another normalisation', body: { documents: ['a'], normalization: 'softmax' }, status: 400, code: 'invalid_request', says: /per_token/ },
    { name: 'alpha below 0', body: { documents: ['a'], alpha: -1 }, status: 400, code: 'invalid_request', param: 'alpha' },
    { name: 'alpha beside pmi', body: { documents: ['a'], alpha: 1, normalization: 'pmi' }, status: 400, code: 'invalid_request', param: 'alpha' },
    {
      name: 'dc_pmi without a domain prompt',
      body: { documents: ['a'], normalization: 'dc_pmi' },
      status: 400,
      code: 'invalid_request',
      param: 'domain_prompt'
    },
    { name: 'rank_fields beyond text', body: { documents: ['a'], rank_fields: ['title'] }, status: 400, code: 'invalid_request', param: 'rank_fields' },
    {
      name: 'a document that max_tokens_per_doc would cut',
      body: { documents: ['a', 'one two three four'], max_tokens_per_doc: 2 },
      status: 400,
      code: 'invalid_request',
      param: 'documents/1',
      says: /max_tokens_per_doc is 2/
    },
    { name: 'a list as the body', body: [SECRET], status: 400, code: 'invalid_request' }
  ]
  for (const { name, body, status, code, param, says } of cases)
    test(`${name}: ${status} ${code}`, async () => {
      const response = await service.post('/v1/rerank', Array.isArray(body) ? body : { query: SECRET, ...(body as object) })
      const problem = await problemBody(response)
      assert.deepEqual([response.status, problem.code, problem.error.code], [status, code, code])
      if (param !== undefined) assert.equal(problem.error.param, param)
      if (says !== undefined) assert.match(problem.detail, says)
      assert.doesNotMatch(JSON.stringify(problem), /zebra/)
    })

  test('a body above the limit: 413, after which the client can go on', async () => {
    for (const path of ['/v1/rerank', '/rerank']) {
      const response = await service.post(path, { query: SECRET, texts: ['a'.repeat(2e6)] })
      assert.deepEqual([response.status, (await problemBody(response)).code], [413, 'body_too_large'])
    }
  })

  test('another method: 405', async () => {
    for (const path of ['/v1/rerank', '/v2/rerank', '/rerank']) assert.equal((await service.get(path)).status, 405)
  })

  test('and goes on serving, with no text of any request in its log', async () => {
    assert.equal((await service.post('/rerank', { query: SECRET, texts: ['a'] })).status, 200)
    const isLogged = (): boolean => service.log.some((line) => line.includes('"route":"/rerank"') && line.includes('"status":200'))
    // The log is written behind the answer.
    for (const deadline = Date.now() + 10_000; !isLogged() && Date.now() < deadline; ) await pause(20)
    assert.ok(isLogged())
    assert.doesNotMatch(service.log.join('\n'), /zebra/)
  })
})

describe('POST /rerank of texts refuses as Text Embeddings Inference does', () => {
  const cases: { name: string; body: object; status: number; type: string; param: string; says?: RegExp }[] = [
    { name: 'no texts', body: { texts: [] }, status: 400, type: 'Empty', param: 'texts' },
    { name: 'an empty text', body: { texts: ['a', ''] }, status: 400, type: 'Empty', param: 'texts/1' },
    { name: 'an empty query', body: { query: '', texts: ['a'] }, status: 400, type: 'Empty', param: 'query' },
    { name: 'a text that is an object', body: { texts: [{ text: 'a' }] }, status: 422, type: 'Validation', param: 'texts/0' },
    { name: 'a text longer than the context', body: { texts: ['a', LONG] }, status: 422, type: 'Validation', param: 'texts/1', says: /texts\/1.*\d{4}.*512/ },
    {
      name: 'to cut a text on the right',
      body: { texts: [LONG], truncate: true },
      status: 422,
      type: 'Validation',
      param: 'texts/0',
      says: /truncation_direction left/
    },
    {
      name: 'another truncation direction',
      body: { texts: ['a'], truncation_direction: 'up' },
      status: 422,
      type: 'Validation',
      param: 'truncation_direction'
    },
    { name: 'an unknown model', body: { texts: ['a'], model: 'other' }, status: 404, type: 'Validation', param: 'model' }
  ]
  for (const { name, body, status, type, param, says } of cases)
    test(`${name}: ${status} ${type}`, async () => {
      const response = await service.post('/rerank', { query: SECRET, ...body })
      const problem = (await response.json()) as TeiProblemBody
      assert.deepEqual([response.status, problem.status, problem.error_type, problem.param], [status, status, type, param])
      assert.equal(problem.error, problem.detail)
      if (says !== undefined) assert.match(problem.error, says)
      assert.doesNotMatch(JSON.stringify(problem), /zebra/)
    })
})

describe('POST /v1/rerank with keys', () => {
  const KEY = 'a-key-of-some-length'
  let closed: HttpApp
  before(async () => {
    closed = await startApp({ keys: [KEY] })
  })
  after(() => closed.close())

  test('asks for one under every path', async () => {
    for (const path of ['/v1/rerank', '/v2/rerank', '/rerank']) {
      assert.equal((await closed.post(path, { query: 'a', texts: ['b'] })).status, 401)
      assert.equal((await closed.post(path, { query: 'a', texts: ['b'] }, { headers: { authorization: `Bearer ${KEY}` } })).status, 200)
    }
  })
})
