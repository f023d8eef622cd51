import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { PrefixCache, tokenBytes } from '../../../../src/engine/process/prefix-cache/prefix-cache.ts'
import { expectedBlock, passOver, rowsOver, TENSORS } from './fake-pass.ts'

/** Few ids, so that sequences share prefixes. */
const sequence = fc.array(fc.nat(2), { minLength: 1, maxLength: 10 }).map((ids) => Int32Array.from(ids))
const step = fc.record({
  ids: sequence,
  /** How many matched tokens the pass reuses, and how many tokens it leaves out at the end. */
  reuse: fc.nat(10),
  unfed: fc.nat(3),
  gaps: fc.array(fc.nat(2), { maxLength: 3 }),
  /** First token with a row; none when it is after the end. */
  firstRow: fc.nat(14),
  isLost: fc.boolean()
})
const steps = fc.array(step, { minLength: 1, maxLength: 30 })

/** What is stored for a prefix: the passes that computed its last token's keys and values, and its row. */
interface Stored {
  readonly ids: Int32Array
  readonly pass: number
  readonly rowPass: number | null
}

/** A naive cache with one entry per prefix. */
class Model {
  stored = new Map<string, Stored>()

  longest(ids: Int32Array, limit: number): number {
    let length = 0
    while (length < Math.min(limit, ids.length) && this.stored.has(ids.slice(0, length + 1).join())) length++
    return length
  }

  get(ids: Int32Array, position: number): Stored {
    const stored = this.stored.get(ids.slice(0, position + 1).join())
    assert.ok(stored)
    return stored
  }
}

function assertStored(cache: PrefixCache, model: Model, ids: Int32Array, limit: number): void {
  const match = cache.match(ids, limit)
  assert.equal(match.length, model.longest(ids, limit))
  for (const length of [match.length, Math.max(0, match.length - 1)]) {
    const passes = Array.from({ length }, (_, i) => model.get(ids, i).pass)
    const past = cache.assemble(match, length)
    for (const [t, { past: name }] of TENSORS.entries()) assert.deepEqual([...past.get(name)!], expectedBlock(t, ids, passes))
  }
  for (let first = 0; first <= match.length; first++) {
    const rows = match.rows(first)
    let end = first
    while (end < match.length && model.get(ids, end).rowPass !== null) end++
    assert.equal(rows.logProbs.length, end - first)
    for (let i = first; i < end; i++) {
      const expected = rowsOver(ids, i, i + 1, model.get(ids, i).rowPass!)
      for (const field of ['logProbs', 'logSumExps', 'bestIds', 'bestLogProbs', 'checksums'] as const) assert.equal(rows[field][i - first], expected[field][0])
    }
  }
}

/** Runs passes as the engine does and compares with the naive cache after each. */
function assertAgrees(maxBytes: number, given: readonly Step[]): void {
  const cache = new PrefixCache(TENSORS, maxBytes)
  const model = new Model()
  given.forEach(({ ids, reuse, unfed, gaps, firstRow, isLost }, pass) => {
    const end = Math.max(1, ids.length - unfed)
    const match = cache.match(ids, end)
    const from = Math.min(match.length, reuse)
    const rows = firstRow < ids.length ? rowsOver(ids, firstRow, ids.length, pass) : null
    // Sometimes the past of the pass has been evicted meanwhile.
    const start = isLost ? Math.min(end, match.length + 1) : from
    const before = match.length
    const length = cache.insert(ids, passOver(ids, start, end, pass, gaps), rows)
    assert.ok(length >= before, 'the path in use is not evicted')
    if (start > before) assert.equal(length, before)

    const after = new Model()
    for (const [key, stored] of model.stored) if (cache.match(stored.ids, stored.ids.length).length === stored.ids.length) after.stored.set(key, stored)
    if (cache.counters.evictedTokens === 0) assert.equal(after.stored.size, model.stored.size)
    for (let i = 0; i < length; i++) {
      const prefix = ids.slice(0, i + 1)
      const old = after.stored.get(prefix.join()) ?? { ids: prefix, pass, rowPass: null }
      after.stored.set(prefix.join(), { ...old, rowPass: old.rowPass ?? (rows !== null && i >= firstRow ? pass : null) })
    }
    model.stored = after.stored

    assert.ok(cache.sizeBytes <= maxBytes)
    assert.equal(cache.counters.storedTokens, model.stored.size)
    assert.equal(cache.counters.insertedTokens - cache.counters.evictedTokens, model.stored.size)
    for (const { ids: other } of given) assertStored(cache, model, other, other.length)
    assertStored(cache, model, ids, reuse)
  })
}
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

describe('PrefixCache compared with one entry per prefix', () => {
  test('keeps everything without a limit, however sequences diverge', () => {
    fc.assert(fc.property(steps, (given) => assertAgrees(1e9, given)))
  })

  test('returns what was computed and respects any limit', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 40_000 }), steps, (maxBytes, given) => assertAgrees(maxBytes, given)))
  })

  test('counts hits and misses that add up to the requested tokens', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(sequence, fc.nat(12)), { maxLength: 20 }), (given) => {
        const cache = new PrefixCache(TENSORS, 30_000)
        let [asked, found] = [0, 0]
        given.forEach(([ids, limit], pass) => {
          const { length } = cache.match(ids, limit)
          asked += Math.min(limit, ids.length)
          found += length
          cache.insert(ids, passOver(ids, 0, ids.length, pass), null)
        })
        assert.equal(cache.counters.hitTokens, found)
        assert.equal(cache.counters.hitTokens + cache.counters.missedTokens, asked)
      })
    )
  })

  test('counts keys and values, row and id of a token', () => {
    assert.equal(tokenBytes(TENSORS), 4 * (2 * 3 + 2 * 1 + 1 * 2) + 2 * (3 * 2) + 21 + 4)
  })
})
