import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { PrefixHistory } from '../../../../src/engine/process/prefix-cache/prefix-history.ts'

const sequence = fc.array(fc.nat(2), { minLength: 1, maxLength: 12 }).map((ids) => Int32Array.from(ids))
const sequences = fc.array(sequence, { maxLength: 30 })

function prefixesOf(ids: Int32Array): string[] {
  return [...ids.keys()].map((end) => ids.slice(0, end + 1).join())
}

describe('SeenPrefixes', () => {
  test('tells the longest prefix that came before', () => {
    fc.assert(
      fc.property(sequences, (given) => {
        const seen = new PrefixHistory(1e6)
        const before = new Set<string>()
        for (const ids of given) {
          assert.equal(seen.note(ids), prefixesOf(ids).filter((prefix) => before.has(prefix)).length)
          for (const prefix of prefixesOf(ids)) before.add(prefix)
        }
      })
    )
  })

  test('never remembers more than its bound, and nothing that did not come', () => {
    fc.assert(
      fc.property(sequences, fc.nat(8000), (given, maxBytes) => {
        const seen = new PrefixHistory(maxBytes)
        const before = new Set<string>()
        for (const ids of given) {
          assert.ok(seen.note(ids) <= prefixesOf(ids).filter((prefix) => before.has(prefix)).length)
          for (const prefix of prefixesOf(ids)) before.add(prefix)
          assert.ok(seen.sizeBytes <= maxBytes)
        }
      })
    )
  })

  test('what just came is remembered, as far as it fits', () => {
    fc.assert(
      fc.property(sequences, sequence, (given, last) => {
        // Room for a run a token, of the longest sequence alone.
        const seen = new PrefixHistory(12 * 1000)
        for (const ids of [...given, last]) seen.note(ids)
        assert.equal(seen.note(last), last.length)
      })
    )
  })

  test('the sequence that came longest ago is forgotten first', () => {
    const [a, b, c] = [Int32Array.of(1, 2, 3), Int32Array.of(4, 5, 6), Int32Array.of(7, 8)]
    const measured = new PrefixHistory(1e6)
    for (const ids of [a, b]) measured.note(ids)
    const seen = new PrefixHistory(measured.sizeBytes)
    for (const ids of [a, b, a, c]) seen.note(ids)
    assert.equal(seen.note(a), 3)
    assert.equal(seen.note(b), 0)
  })

  test('nothing is remembered in 0 bytes', () => {
    const seen = new PrefixHistory(0)
    seen.note(Int32Array.of(1, 2))
    assert.equal(seen.note(Int32Array.of(1, 2)), 0)
  })
})
