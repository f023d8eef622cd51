import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PrefixCache } from '../../../../src/engine/process/prefix-cache/prefix-cache.ts'
import { expectedBlock, passOver, rowsOver, TENSORS } from './fake-pass.ts'

const ids = (...values: number[]): Int32Array => Int32Array.from(values)
const count = (from: number, length: number): Int32Array => Int32Array.from({ length }, (_, i) => from + i)
const KEY = TENSORS[0]!.past

/** A cache that stores whole sequences, each from its own pass. */
function cacheOf(maxBytes: number, ...sequences: Int32Array[]): PrefixCache {
  const cache = new PrefixCache(TENSORS, maxBytes)
  sequences.forEach((sequence, pass) => void cache.insert(sequence, passOver(sequence, 0, sequence.length, pass), null))
  return cache
}
const sizeOf = (...sequences: Int32Array[]): number => cacheOf(1e9, ...sequences).sizeBytes

describe('PrefixCache', () => {
  test('stores nothing in 0 bytes', () => {
    const cache = cacheOf(0, ids(1, 2, 3))
    assert.equal(cache.match(ids(1, 2, 3), 3).length, 0)
    assert.equal(cache.sizeBytes, 0)
    assert.equal(cache.counters.entries, 0)
  })

  test('assembles a past of no tokens with every input, empty', () => {
    const cache = cacheOf(1e6)
    assert.deepEqual(
      [...cache.assemble(cache.match(ids(1), 1), 0)].map(([name, { length }]) => [name, length]),
      TENSORS.map(({ past }) => [past, 0])
    )
  })

  test('evicts the least recently used tokens first, and of diverging sequences only the ends', () => {
    const [a, b, c] = [count(10, 6), ids(10, 11, 12, 93, 94, 95), count(50, 4)]
    const cache = cacheOf(sizeOf(a, b, c), a, b, c)
    assert.equal(cache.counters.evictedTokens, 0)
    cache.match(c, 4)
    cache.match(a, 6)
    cache.insert(count(70, 2), passOver(count(70, 2), 0, 2, 9), null)
    assert.equal(cache.match(b, 6).length, 3)
    assert.equal(cache.match(a, 6).length, 6)
    assert.equal(cache.match(c, 4).length, 4)
    assert.equal(cache.counters.evictedTokens, 3)
  })

  test('assembles a match whose runs were evicted or split meanwhile', () => {
    const a = count(10, 6)
    const cache = cacheOf(sizeOf(a), a)
    const match = cache.match(a, 6)
    cache.insert(ids(10, 11, 7), passOver(ids(10, 11, 7), 2, 3, 5), null)
    cache.insert(count(50, 6), passOver(count(50, 6), 0, 6, 6), null)
    assert.equal(cache.match(a, 6).length, 0)
    for (const length of [6, 4]) assert.deepEqual([...cache.assemble(match, length).get(KEY)!], expectedBlock(0, a, Array(length).fill(0)))
  })

  test('returns the same copy for the same prefix, even after its runs were split', () => {
    const a = count(10, 6)
    const cache = cacheOf(1e6, a)
    const copy = cache.assemble(cache.match(a, 6), 5)
    const branch = ids(10, 11, 12, 7)
    cache.insert(branch, passOver(branch, 3, 4, 1), null)
    assert.equal(cache.counters.entries, 3)
    assert.equal(cache.assemble(cache.match(a, 6), 5), copy)
  })

  test('detaches a copy when another prefix is assembled, and reuses its memory', () => {
    const a = count(10, 6)
    const cache = cacheOf(1e6, a)
    const [long, other] = [cache.assemble(cache.match(a, 6), 5), count(50, 6)]
    cache.insert(other, passOver(other, 0, 6, 1), null)
    const { assembledBytes } = cache
    const short = cache.assemble(cache.match(other, 6), 4)
    assert.deepEqual(
      [...long.values()].map(({ length }) => length),
      [0, 0, 0, 0]
    )
    assert.deepEqual([...short.get(KEY)!], expectedBlock(0, other, Array(4).fill(1)))
    assert.equal(cache.assembledBytes, assembledBytes)
    assert.equal(assembledBytes, 128 * (4 * 10 + 2 * 6))
  })

  test('returns a whole run without a copy', () => {
    const a = count(10, 6)
    const cache = cacheOf(1e6, a)
    assert.equal(cache.assemble(cache.match(a, 6), 6).get(KEY), cache.assemble(cache.match(a, 6), 6).get(KEY))
    assert.equal(cache.assembledBytes, 0)
  })

  test('does not return the copy of a prefix that was evicted and computed again', () => {
    const [a, other] = [count(10, 6), count(50, 6)]
    const cache = cacheOf(sizeOf(a), a)
    cache.assemble(cache.match(a, 6), 5)
    cache.insert(other, passOver(other, 0, 6, 1), null)
    cache.insert(a, passOver(a, 0, 6, 2), null)
    assert.deepEqual([...cache.assemble(cache.match(a, 6), 5).get(KEY)!], expectedBlock(0, a, Array(5).fill(2)))
  })

  test('does not store a run whose prefix was evicted meanwhile', () => {
    const cache = cacheOf(1e6, ids(1, 2))
    assert.equal(cache.insert(ids(1, 9, 4, 5), passOver(ids(1, 9, 4, 5), 2, 4, 1), null), 1)
    assert.equal(cache.counters.storedTokens, 2)
  })

  test('stores a run longer than the cache up to half of it, and keeps what fits beside that', () => {
    const [a, b, long] = [count(1000, 20), count(2000, 20), count(1, 200)]
    const maxBytes = sizeOf(count(1, 100))
    const cache = cacheOf(maxBytes, a, b)
    const stored = cache.insert(long, passOver(long, 0, 200, 3), null)
    assert.ok(stored > 0 && stored < 100)
    assert.ok(sizeOf(long.subarray(0, stored + 1)) > maxBytes / 2)
    assert.equal(cache.match(b, 20).length, 20)
    assert.ok(cache.sizeBytes <= maxBytes)
  })

  test('evicts everything else for a run that fits only alone', () => {
    const a = count(1000, 20)
    const long = count(1, 100)
    const cache = cacheOf(sizeOf(long), a, long)
    assert.equal(cache.match(long, 100).length, 100)
    assert.equal(cache.match(a, 20).length, 0)
  })

  test('adds rows to tokens that are stored already, and keeps the first row of each', () => {
    const a = count(10, 6)
    const cache = cacheOf(1e6, a)
    const match = cache.match(a, 6)
    assert.equal(match.rows(1).logProbs.length, 0)
    const sizeBytes = cache.sizeBytes
    assert.equal(cache.addRows(a, 6, rowsOver(a, 2, 5, 1)), 6)
    assert.equal(cache.addRows(a, 6, rowsOver(a, 1, 6, 2)), 6)
    assert.equal(cache.sizeBytes, sizeBytes)
    const { first, bestIds } = match.rows(1)
    assert.equal(first, 1)
    assert.deepEqual([...bestIds], [...rowsOver(a, 1, 2, 2).bestIds, ...rowsOver(a, 2, 5, 1).bestIds, ...rowsOver(a, 5, 6, 2).bestIds])
  })

  test('ignores rows of tokens that are not stored', () => {
    const cache = cacheOf(1e6, ids(1, 2))
    assert.equal(cache.addRows(ids(1, 2, 3), 3, rowsOver(ids(1, 2, 3), 1, 3, 1)), 2)
    assert.equal(cache.match(ids(1, 2, 3), 3).rows(1).logProbs.length, 1)
  })

  test('rejects missing tensors and columns, and stores nothing', () => {
    const cache = cacheOf(1e6)
    const pass = passOver(ids(1, 2), 0, 2, 0)
    assert.throws(() => cache.insert(ids(1, 2), { ...pass, present: new Map() }, null), { code: 'internal_error', message: /past\.0\.key, got nothing/ })
    assert.throws(() => cache.insert(ids(1, 2), { ...pass, columns: ids(0, 9) }, null), { code: 'internal_error', message: /columns 9 to 9/ })
    const halves = new Map(pass.present).set(KEY, new Uint16Array(18))
    assert.throws(() => cache.insert(ids(1, 2), { ...pass, present: halves }, null), { code: 'internal_error', message: /expected 4-byte floats/ })
    assert.equal(cache.sizeBytes, 0)
    assert.equal(cache.match(ids(1, 2), 2).length, 0)
  })

  test('rejects assembling more tokens than the match has', () => {
    const cache = cacheOf(1e6, ids(1, 2))
    assert.throws(() => cache.assemble(cache.match(ids(1, 2, 3), 3), 3), { code: 'internal_error', message: /of 3 tokens were requested, but the match has 2/ })
  })
})
