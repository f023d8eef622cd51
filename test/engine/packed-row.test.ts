import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { commonLength, PackedRowBuilder, packedRowOf, packedRowSize } from '../../src/engine/packed-row.ts'

/** Few ids, so that prefixes repeat. */
const SEQUENCES = fc.array(
  fc.array(fc.nat(2), { minLength: 1, maxLength: 12 }).map((ids) => Int32Array.from(ids)),
  { minLength: 1, maxLength: 12 }
)

describe('packedRowOf', () => {
  it('gives every sequence its own ids and positions along its path', () => {
    fc.assert(
      fc.property(SEQUENCES, (given) => {
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

  it('makes a column a predecessor of its continuations alone', () => {
    fc.assert(
      fc.property(SEQUENCES, (given) => {
        const { ids, ends, paths } = packedRowOf(given)
        paths.forEach((path) => {
          path.forEach((column, position) => {
            const predecessors = [...ids.keys()].filter((j) => j <= column && column < ends[j]!)
            assert.deepEqual(predecessors, [...path.subarray(0, position + 1)])
          })
        })
      })
    )
  })

  it('gives each distinct prefix one column', () => {
    fc.assert(
      fc.property(SEQUENCES, (given) => {
        const prefixes = new Set(given.flatMap((sequence) => [...sequence.keys()].map((end) => sequence.slice(0, end + 1).join())))
        assert.equal(packedRowOf(given).ids.length, prefixes.size)
        assert.equal(packedRowSize(given), prefixes.size)
      })
    )
  })

  it('gives each sequence the columns that it does not share', () => {
    fc.assert(
      fc.property(SEQUENCES, (given) => {
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

describe('PackedRowBuilder', () => {
  it('counts the columns of the packed row as sequences are added', () => {
    const sequences = fc.array(
      fc.array(fc.nat(2), { maxLength: 12 }).map((ids) => Int32Array.from(ids)),
      { minLength: 1, maxLength: 20 }
    )
    fc.assert(
      fc.property(sequences, ([first = new Int32Array(0), ...others]) => {
        const row = new PackedRowBuilder()
        row.add(first, 0)
        const added = [first]
        const byShared = others.map((ids) => ({ ids, shared: commonLength(first, ids) })).sort((a, b) => b.shared - a.shared)
        for (const { ids, shared } of byShared) {
          added.push(ids)
          const columns = packedRowSize(added)
          assert.equal(row.columns + row.added(ids, shared), columns)
          row.add(ids, shared)
          assert.equal(row.columns, columns)
        }
      })
    )
  })
})
