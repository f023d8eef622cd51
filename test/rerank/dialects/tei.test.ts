import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { teiRanks, teiRequest } from '../../../src/rerank/dialects/tei.ts'
import { present } from '../../support/present.ts'
import { documentOf } from '../../support/rerank-requests.ts'

const BODY = { query: 'q', texts: ['a', 'b', 'c'] }
const DOCUMENTS = [-3, -1, -3].map((value, index) => documentOf(index, value))

describe('teiRequest', () => {
  it('refuses no texts', () => {
    assert.throws(() => teiRequest({ query: 'q', texts: [] }), { code: 'empty_completion', param: 'texts' })
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
    it(`takes ${JSON.stringify(body)} as truncation ${truncation}`, () => assert.equal(teiRequest({ ...BODY, ...body }).truncation, truncation))
})

describe('teiRanks', () => {
  it('has every text, the last of equal ones first', () => {
    assert.deepEqual(
      teiRanks(DOCUMENTS, BODY).map(({ index }) => index),
      [1, 2, 0]
    )
  })

  it('has a score in (0, 1], and the normalised log-probability when raw scores are wanted', () => {
    assert.equal(teiRanks(DOCUMENTS, BODY)[0]?.score, Math.exp(-1))
    assert.equal(teiRanks(DOCUMENTS, { ...BODY, raw_scores: false })[0]?.score, Math.exp(-1))
    assert.equal(teiRanks(DOCUMENTS, { ...BODY, raw_scores: true })[0]?.score, -1)
  })

  it('has the text only when it is wanted', () => {
    assert.ok(!('text' in present(teiRanks(DOCUMENTS, BODY)[0])))
    assert.equal(teiRanks(DOCUMENTS, { ...BODY, return_text: true })[0]?.text, 'document 1')
  })
})
