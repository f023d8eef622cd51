import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { baselinesOf, pairsOf, splitSeparator } from '../../src/rerank/pairs.ts'
import { encodeOne, itemOf } from '../support/logprob-items.ts'
import { rerankOf } from '../support/rerank-requests.ts'

describe('splitSeparator', () => {
  for (const [separator, endOfX, startOfY] of [
    [' ', '', ' '],
    ['', '', ''],
    ['\n', '\n', ''],
    ['\nAnswer: ', '\nAnswer:', ' '],
    [' ->  ', ' ->', '  '],
    [' \n', ' \n', '']
  ] as const)
    it(`splits ${JSON.stringify(separator)} before its trailing spaces`, () => assert.deepEqual(splitSeparator(separator), { endOfX, startOfY }))
})

describe('pairsOf', () => {
  const texts = { query: 'Q', documents: ['one', 'two', 'one'], separator: ':\n ' }

  it('scores the document after the query', () => {
    const { items } = pairsOf(rerankOf(texts))
    assert.deepEqual(
      items.map(({ x, y }) => [x, y]),
      [
        ['Q:\n', ' one'],
        ['Q:\n', ' two']
      ]
    )
  })

  it('scores the query after the document', () => {
    const { items } = pairsOf(rerankOf({ ...texts, direction: 'query_given_document' }))
    assert.deepEqual(
      items.map(({ x, y }) => [x, y]),
      [
        ['one:\n', ' Q'],
        ['two:\n', ' Q']
      ]
    )
  })

  it('has one item per distinct document, and the item of each document', () => {
    const { items, itemOf: of, documentOf } = pairsOf(rerankOf({ ...texts, documents: ['b', 'a', 'b', 'c', 'a'] }))
    assert.equal(items.length, 3)
    assert.deepEqual(of, [0, 1, 0, 2, 1])
    assert.deepEqual(documentOf, [0, 1, 3])
  })

  it('names the document by its index in the body', () => {
    const { items } = pairsOf(rerankOf({ ...texts, documents: ['b', 'b', 'a'], field: 'texts' }))
    assert.deepEqual(
      items.map(({ param }) => param.y),
      ['texts/0', 'texts/2']
    )
  })
})

describe('baselinesOf', () => {
  it('uses the ids that were scored after x, not those of the text alone', async () => {
    // b|c merges in the text bc, so after a they are apart.
    const encoded = await encodeOne(itemOf('ab', 'c'))
    const { items } = baselinesOf([encoded], '')
    assert.deepEqual(items[0]?.y, [...encoded.ids.subarray(encoded.ids.length - encoded.sizes.y)])
  })

  it('has one item for documents with equal y', async () => {
    const encoded = [await encodeOne(itemOf('a', ' a')), await encodeOne(itemOf('b', ' a')), await encodeOne(itemOf('a', 'c'))]
    const { items, baselineOf } = baselinesOf(encoded, 'c')
    assert.deepEqual(baselineOf, [0, 0, 1])
    assert.deepEqual(
      items.map(({ index, x, y }) => [index, x, y]),
      [
        [3, 'c', [8]],
        [4, 'c', [5]]
      ]
    )
  })
})
