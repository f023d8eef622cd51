import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RowDetail, RowScores } from '../../src/engine/engine.ts'
import { ResultCache } from '../../src/scheduling/result-cache.ts'
import { fakeScores } from '../support/fake-engine.ts'

const rowsOf = (...ids: number[]): RowScores => fakeScores({ ids: Int32Array.from([0, ...ids]), firstScored: 1 })

function cacheOf(maxBytes: number): ResultCache {
  return new ResultCache({ restarts: 0 }, maxBytes)
}

/** Two rows with three top tokens each. */
const DETAIL: RowDetail = {
  ranks: Int32Array.of(1, 2),
  entropies: Float32Array.of(0.5, 1.5),
  probSquareSums: Float32Array.of(0.25, 0.75),
  topCount: 3,
  topIds: Int32Array.of(1, 2, 3, 4, 5, 6),
  topLogProbs: Float32Array.of(-1, -2, -3, -4, -5, -6)
}

describe('ResultCache', () => {
  it('returns what was stored under a key, and nothing for other keys', () => {
    const cache = cacheOf(1e6)
    cache.put('a', rowsOf(1, 2), null)
    cache.put('b', rowsOf(3), null)
    assert.deepEqual([cache.get('a'), cache.get('b'), cache.get('c')], [rowsOf(1, 2), rowsOf(3), null])
  })

  it('stores copies, so that it keeps no engine message alive', () => {
    const cache = cacheOf(1e6)
    const message = Float32Array.of(-1, -2, -3)
    const rows = { ...rowsOf(1), logProbs: message.subarray(1, 2) }
    cache.put('a', rows, null)
    message.fill(0)
    assert.deepEqual(cache.get('a')?.logProbs, Float32Array.of(-2))
    assert.equal(cache.get('a')?.logProbs.buffer.byteLength, 4)
  })

  it('drops the least recently used entries beyond its bytes', () => {
    const cache = cacheOf(4000)
    for (const [i, key] of ['a', 'b', 'c'].entries()) cache.put(key, rowsOf(i), null)
    cache.get('a')
    cache.put('d', rowsOf(9), null)
    assert.ok(cache.sizeBytes <= 4000)
    assert.deepEqual(
      ['a', 'b', 'c', 'd'].map((key) => cache.get(key) !== null),
      [true, false, true, true]
    )
  })

  it('counts the bytes of the arrays, and 0 after clear', () => {
    const cache = cacheOf(1e6)
    cache.put('a', rowsOf(...Array.from({ length: 1000 }, (_, i) => i)), null)
    assert.ok(cache.sizeBytes >= 20_000 && cache.sizeBytes <= 22_000, `${cache.sizeBytes}`)
    cache.clear()
    assert.deepEqual([cache.sizeBytes, cache.get('a')], [0, null])
  })

  it('drops all entries when a process of the engine was replaced', () => {
    const engine = { restarts: 0 }
    const cache = new ResultCache(engine, 1e6)
    cache.put('a', rowsOf(1), null)
    engine.restarts = 1
    assert.deepEqual([cache.get('a'), cache.sizeBytes], [null, 0])
    cache.put('a', rowsOf(1), null)
    assert.deepEqual(cache.get('a'), rowsOf(1))
  })

  it('stores no entry larger than its limit, and nothing with a limit of 0', () => {
    const cache = cacheOf(2000)
    cache.put('a', rowsOf(1), null)
    cache.put('b', rowsOf(...new Array<number>(1000).fill(1)), null)
    assert.deepEqual([cache.get('a') !== null, cache.get('b')], [true, null])
    const none = cacheOf(0)
    none.put('a', rowsOf(1), null)
    assert.equal(none.get('a'), null)
  })

  it('stores only as many top tokens as the job asked for, even if the batch computed more', () => {
    const cache = cacheOf(1e6)
    const rows = { ...rowsOf(1, 2), detail: DETAIL }
    cache.put('none', rows, null)
    cache.put('two', rows, 2)
    cache.put('ranks', rows, 0)
    assert.equal(cache.get('none')?.detail, null)
    assert.deepEqual(cache.get('two')?.detail, { ...DETAIL, topCount: 2, topIds: Int32Array.of(1, 2, 4, 5), topLogProbs: Float32Array.of(-1, -2, -4, -5) })
    assert.deepEqual(cache.get('ranks')?.detail, { ...DETAIL, topCount: 0, topIds: new Int32Array(0), topLogProbs: new Float32Array(0) })
  })
})
