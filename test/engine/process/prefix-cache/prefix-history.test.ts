import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { PrefixHistory } from '../../../../src/engine/process/prefix-cache/prefix-history.ts'

const sequence = fc.array(fc.nat(2), { minLength: 1, maxLength: 12 }).map((ids) => Int32Array.from(ids))
const sequences = fc.array(sequence, { maxLength: 30 })

function prefixesOf(ids: Int32Array): string[] {
  return [...ids.keys()].map((end) => ids.slice(0, end + 1).join())
}

describe('PrefixHistory', () => {
  test('returns the longest prefix of an earlier sequence', () => {
    fc.assert(
      fc.property(sequences, (given) => {
        const history = new PrefixHistory(1e6)
        const before = new Set<string>()
        for (const ids of given) {
          assert.equal(history.note(ids), prefixesOf(ids).filter((prefix) => before.has(prefix)).length)
          for (const prefix of prefixesOf(ids)) before.add(prefix)
        }
      })
    )
  })

  test('stays within its bound and remembers nothing that did not occur', () => {
    fc.assert(
      fc.property(sequences, fc.nat(8000), (given, maxBytes) => {
        const history = new PrefixHistory(maxBytes)
        const before = new Set<string>()
        for (const ids of given) {
          assert.ok(history.note(ids) <= prefixesOf(ids).filter((prefix) => before.has(prefix)).length)
          for (const prefix of prefixesOf(ids)) before.add(prefix)
          assert.ok(history.sizeBytes <= maxBytes)
        }
      })
    )
  })

  test('remembers the last sequence as far as it fits', () => {
    fc.assert(
      fc.property(sequences, sequence, (given, last) => {
        // Room for the longest sequence alone, with a node per token.
        const history = new PrefixHistory(12 * 1000)
        for (const ids of [...given, last]) history.note(ids)
        assert.equal(history.note(last), last.length)
      })
    )
  })

  test('forgets the least recent sequence first', () => {
    const [a, b, c] = [Int32Array.of(1, 2, 3), Int32Array.of(4, 5, 6), Int32Array.of(7, 8)]
    const measured = new PrefixHistory(1e6)
    for (const ids of [a, b]) measured.note(ids)
    const history = new PrefixHistory(measured.sizeBytes)
    for (const ids of [a, b, a, c]) history.note(ids)
    assert.equal(history.note(a), 3)
    assert.equal(history.note(b), 0)
  })

  test('remembers nothing in 0 bytes', () => {
    const history = new PrefixHistory(0)
    history.note(Int32Array.of(1, 2))
    assert.equal(history.note(Int32Array.of(1, 2)), 0)
  })
})
