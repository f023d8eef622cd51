import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type CommonFields, rerankRequestOf } from '../../src/rerank/request.ts'
import { rerankOf } from '../support/rerank-requests.ts'

const { field, truncation, limits } = rerankOf()
const requestOf = (body: CommonFields, documents: readonly string[] = ['a']) => rerankRequestOf(body, { documents, field, truncation, limits })

describe('rerankRequestOf', () => {
  it('by default scores each document after the query and a space, by the mean per token', () => {
    const { direction, separator, normalization } = requestOf({ query: 'q' })
    assert.deepEqual([direction, separator, normalization], ['document_given_query', ' ', { kind: 'per_token' }])
  })

  it('infers the normalization from alpha or domain_prompt', () => {
    assert.deepEqual(requestOf({ query: 'q', alpha: 0.7 }).normalization, { kind: 'alpha', alpha: 0.7 })
    assert.deepEqual(requestOf({ query: 'q', domain_prompt: 'd' }).normalization, { kind: 'dc_pmi', domainPrompt: 'd' })
  })

  for (const { name, body, documents, code, param } of [
    { name: 'alpha beside another normalisation', body: { normalization: 'sum', alpha: 1 }, code: 'invalid_request', param: 'alpha' },
    { name: 'a domain prompt beside pmi', body: { normalization: 'pmi', domain_prompt: 'd' }, code: 'invalid_request', param: 'domain_prompt' },
    { name: 'alpha without its number', body: { normalization: 'alpha' }, code: 'invalid_request', param: 'alpha' },
    { name: 'dc_pmi without a domain prompt', body: { normalization: 'dc_pmi' }, code: 'invalid_request', param: 'domain_prompt' },
    { name: 'dc_pmi with an empty domain prompt', body: { normalization: 'dc_pmi', domain_prompt: '' }, code: 'invalid_request', param: 'domain_prompt' },
    { name: 'an empty query', body: { query: '' }, code: 'empty_completion', param: 'query' },
    { name: 'an empty document', body: {}, documents: ['a', ''], code: 'empty_completion', param: 'documents/1' },
    { name: 'a query cut inside a character', body: { query: '\ud83d' }, code: 'invalid_text', param: 'query' },
    { name: 'a separator cut inside a character', body: { separator: '\ud83d' }, code: 'invalid_text', param: 'separator' }
  ] as const)
    it(`rejects ${name}`, () => {
      assert.throws(() => requestOf({ query: 'q', ...body }, documents), { code, param })
    })
})
