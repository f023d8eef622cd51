import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { cohereMeta, jinaRequest, jinaResults } from '../../../src/rerank/dialects/jina.ts'
import { present } from '../../support/present.ts'
import { BUILT_IN_TEMPLATES, documentOf } from '../../support/rerank-requests.ts'

const BODY = { query: 'q', documents: ['a', { text: 'b' }] }
const DOCUMENTS = [-3, -1, -2].map((value, index) => documentOf(index, value))

describe('jinaRequest', () => {
  it('accepts documents as texts and as objects with a text', () => {
    assert.deepEqual(jinaRequest(BODY, BUILT_IN_TEMPLATES).documents, ['a', 'b'])
  })

  for (const { name, fields, param } of [
    { name: 'no documents', fields: { documents: [] }, param: 'documents' },
    { name: 'other fields to rank by', fields: { rank_fields: ['title', 'text'] }, param: 'rank_fields' },
    { name: 'an instruction without a template', fields: { instruction: 'be kind' }, param: 'instruction' }
  ])
    it(`rejects ${name}`, () => {
      assert.throws(() => jinaRequest({ ...BODY, ...fields }, BUILT_IN_TEMPLATES), { code: 'invalid_request', param })
    })

  it('treats null as absent, and accepts rank_fields: ["text"]', () => {
    const request = jinaRequest({ ...BODY, top_n: null, rank_fields: ['text'], max_tokens_per_doc: null, instruction: null }, BUILT_IN_TEMPLATES)
    assert.deepEqual(request.limits, { max_tokens_per_doc: null, max_tokens_per_query: null, truncate_prompt_tokens: null })
  })
})

describe('jinaResults', () => {
  for (const topN of [undefined, null, 0, -1, 3, 99])
    it(`returns every document with top_n ${topN}`, () => {
      const results = jinaResults(DOCUMENTS, topN === undefined ? BODY : { ...BODY, top_n: topN })
      assert.deepEqual(
        results.map(({ index }) => index),
        [1, 2, 0]
      )
    })

  it('returns the best top_n', () => {
    assert.deepEqual(
      jinaResults(DOCUMENTS, { ...BODY, top_n: 2 }).map(({ index }) => index),
      [1, 2]
    )
  })

  it('returns each document as an object with its text, unless return_documents is false', () => {
    assert.deepEqual(jinaResults(DOCUMENTS, BODY)[0]?.document, { text: 'document 1' })
    for (const result of jinaResults(DOCUMENTS, { ...BODY, return_documents: false })) assert.ok(!('document' in result))
  })

  it('returns the baseline where there is one', () => {
    assert.ok(!('baseline_log_prob' in present(jinaResults(DOCUMENTS, BODY)[0])))
    assert.equal(jinaResults([documentOf(0, 2, -7)], BODY)[0]?.baseline_log_prob, -7)
  })
})

describe('cohereMeta', () => {
  it('counts one search unit per hundred documents, rounded up', () => {
    const units = (count: number): unknown => cohereMeta('2', count)
    assert.deepEqual(units(1), { api_version: { version: '2' }, billed_units: { search_units: 1 } })
    assert.deepEqual(units(100), units(1))
    assert.deepEqual(units(101), { api_version: { version: '2' }, billed_units: { search_units: 2 } })
  })
})
