import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type CommonFields, rerankRequestOf, yesNoRequestOf } from '../../src/rerank/request.ts'
import { BUILT_IN_TEMPLATES, rerankOf } from '../support/rerank-requests.ts'

const { field, truncation, limits } = rerankOf()
const requestOf = (body: CommonFields, documents: readonly string[] = ['a']) => rerankRequestOf(body, { documents, field, truncation, limits })

describe('rerankRequestOf', () => {
  it('by default scores each document after the query and a space, and leaves the normalization open', () => {
    const { direction, separator, normalization } = requestOf({ query: 'q' })
    assert.deepEqual([direction, separator, normalization], ['document_given_query', ' ', null])
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

describe('yesNoRequestOf', () => {
  const yesNoOf = (body: CommonFields, documents: readonly string[] = ['a'], cut: 'none' | 'left' = 'none') =>
    yesNoRequestOf(body, { documents, field, truncation: cut, limits }, BUILT_IN_TEMPLATES)

  it('has the template and the instruction of Qwen3-Reranker by default', () => {
    const { template, instruction } = yesNoOf({ query: 'q' })
    assert.equal(template.name, 'qwen3-reranker')
    assert.equal(instruction, 'Given a web search query, retrieve relevant passages that answer the query')
    assert.equal(yesNoOf({ query: 'q', instruction: 'i' }).instruction, 'i')
    assert.equal(yesNoOf({ query: 'q', template: 'bge-reranker-v2-gemma' }).template.labels.yes, 'Yes')
  })

  for (const { body, code, param } of [
    { body: { template: 'monot5' }, code: 'invalid_request', param: 'template' },
    { body: { normalization: 'pmi' }, code: 'invalid_request', param: 'normalization' },
    { body: { direction: 'document_given_query' }, code: 'invalid_request', param: 'direction' },
    { body: { separator: ' ' }, code: 'invalid_request', param: 'separator' },
    { body: { messages: [{ role: 'user', content: 'a' }] }, code: 'invalid_request', param: 'messages' },
    { body: { query: '' }, code: 'empty_completion', param: 'query' },
    { body: { instruction: '\ud83d' }, code: 'invalid_text', param: 'instruction' }
  ] as const)
    it(`rejects ${JSON.stringify(body)}`, () => {
      assert.throws(() => yesNoOf({ query: 'q', ...body }), { code, param })
    })

  it('rejects an empty document, and truncation that would cut the template', () => {
    assert.throws(() => yesNoOf({ query: 'q' }, ['a', '']), { code: 'empty_completion', param: 'documents/1' })
    assert.throws(() => yesNoOf({ query: 'q' }, ['a'], 'left'), { code: 'invalid_request', param: 'truncation_direction' })
  })
})

describe('rerankRequestOf', () => {
  it('rejects what only a template can use', () => {
    assert.throws(() => requestOf({ query: 'q', template: 'qwen3-reranker' }), { code: 'invalid_request', param: 'template' })
    assert.throws(() => requestOf({ query: 'q', instruction: 'i' }), { code: 'invalid_request', param: 'instruction' })
  })
})
