import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { teiRanks, teiRequest } from '../../../src/rerank/dialects/tei.ts'
import { present } from '../../support/present.ts'
import { BUILT_IN_TEMPLATES, documentOf } from '../../support/rerank-requests.ts'

const BODY = { query: 'q', texts: ['a', 'b', 'c'] }
const DOCUMENTS = { documents: [-3, -1, -3].map((value, index) => documentOf(index, value)), warnings: [{ code: 'lengths_differ', message: 'm' }] }

describe('teiRequest', () => {
  it('rejects an empty list of texts', () => {
    assert.throws(() => teiRequest({ query: 'q', texts: [] }, BUILT_IN_TEMPLATES), { code: 'empty_completion', param: 'texts' })
  })

  for (const { body, truncation } of [
    { body: {}, truncation: 'none' },
    { body: { truncate: null, truncation_direction: null }, truncation: 'none' },
    { body: { truncate: false, truncation_direction: 'Left' as const }, truncation: 'none' },
    { body: { truncate: true }, truncation: 'right' },
    { body: { truncate: true, truncation_direction: 'Right' as const }, truncation: 'right' },
    { body: { truncate: true, truncation_direction: 'left' as const }, truncation: 'left' },
    { body: { truncate: true, truncation_direction: 'Left' as const }, truncation: 'left' }
  ])
    it(`reads ${JSON.stringify(body)} as truncation ${truncation}`, () => {
      const request = teiRequest({ ...BODY, ...body }, BUILT_IN_TEMPLATES)
      assert.equal(request.scoring === 'log_prob' && request.truncation, truncation)
    })
})

describe('teiRanks', () => {
  it('returns every text, the last of equal ones first', () => {
    assert.deepEqual(
      teiRanks(DOCUMENTS, BODY).map(({ index }) => index),
      [1, 2, 0]
    )
  })

  it('returns a score in (0, 1], or the normalized log-probability with raw_scores', () => {
    assert.equal(teiRanks(DOCUMENTS, BODY)[0]?.score, Math.exp(-1))
    assert.equal(teiRanks(DOCUMENTS, { ...BODY, raw_scores: false })[0]?.score, Math.exp(-1))
    assert.equal(teiRanks(DOCUMENTS, { ...BODY, raw_scores: true })[0]?.score, -1)
  })

  it('has the warnings about all texts in the best one', () => {
    assert.deepEqual(
      teiRanks(DOCUMENTS, BODY).map(({ warnings }) => warnings.length),
      [1, 0, 0]
    )
  })

  it('returns the text only with return_text', () => {
    assert.ok(!('text' in present(teiRanks(DOCUMENTS, BODY)[0])))
    assert.equal(teiRanks(DOCUMENTS, { ...BODY, return_text: true })[0]?.text, 'document 1')
  })
})
