import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ranked } from '../../src/rerank/scored-document.ts'
import { documentOf } from '../support/rerank-requests.ts'

const indices = (documents: readonly { readonly index: number }[]): number[] => documents.map(({ index }) => index)

describe('ranked', () => {
  it('puts the largest log-probability first without changing its input', () => {
    const documents = [-3, -1, -2].map((value, index) => documentOf(index, value))
    assert.deepEqual(indices(ranked(documents, 'lower_index')), [1, 2, 0])
    assert.deepEqual(indices(documents), [0, 1, 2])
  })

  it('orders equal documents by the rule of the dialect', () => {
    const documents = [-2, -1, -2, -1].map((value, index) => documentOf(index, value))
    assert.deepEqual(indices(ranked(documents, 'lower_index')), [1, 3, 0, 2])
    assert.deepEqual(indices(ranked(documents, 'higher_index')), [3, 1, 2, 0])
  })

  it('orders documents whose scores are equal after the exponential', () => {
    const documents = [-900, -800, -1000].map((value, index) => documentOf(index, value))
    assert.equal(new Set(documents.map(({ relevanceScore }) => relevanceScore)).size, 1)
    assert.deepEqual(indices(ranked(documents, 'higher_index')), [1, 0, 2])
  })
})
