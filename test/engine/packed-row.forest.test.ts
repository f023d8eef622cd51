import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { packedRowOf, packedRowSize } from '../../src/engine/packed-row.ts'

/** Few ids, so that prefixes repeat. */
const sequences = fc.array(
  fc.array(fc.nat(2), { minLength: 1, maxLength: 12 }).map((ids) => Int32Array.from(ids)),
  { minLength: 1, maxLength: 12 }
)

describe('forestOf', () => {
  test('every sequence reads its own ids and positions along its path', () => {
    fc.assert(
      fc.property(sequences, (given) => {
        const { ids, positions, paths } = packedRowOf(given)
        given.forEach((sequence, i) => {
          assert.deepEqual(
            Int32Array.from(paths[i]!, (column) => ids[column]!),
            sequence
          )
          assert.deepEqual(
            [...paths[i]!].map((column) => positions[column]!),
            [...sequence.keys()]
          )
        })
      })
    )
  })

  test('a column is seen by those alone that continue it', () => {
    fc.assert(
      fc.property(sequences, (given) => {
        const { ids, ends, paths } = packedRowOf(given)
        paths.forEach((path) => {
          path.forEach((column, position) => {
            const seen = [...ids.keys()].filter((j) => j <= column && column < ends[j]!)
            assert.deepEqual(seen, [...path.subarray(0, position + 1)])
          })
        })
      })
    )
  })

  test('each distinct prefix has one column', () => {
    fc.assert(
      fc.property(sequences, (given) => {
        const prefixes = new Set(given.flatMap((sequence) => [...sequence.keys()].map((end) => sequence.slice(0, end + 1).join())))
        assert.equal(packedRowOf(given).ids.length, prefixes.size)
        assert.equal(packedRowSize(given), prefixes.size)
      })
    )
  })

  test('what a sequence does not share is its own', () => {
    fc.assert(
      fc.property(sequences, (given) => {
        const { ids, paths, sharedCounts } = packedRowOf(given)
        const owned = paths.flatMap((path, i) => [...path.subarray(sharedCounts[i])])
        assert.deepEqual(
          owned.sort((a, b) => a - b),
          [...ids.keys()]
        )
      })
    )
  })
})
