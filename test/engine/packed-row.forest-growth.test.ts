import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { commonLength, PackedRowBuilder, packedRowSize } from '../../src/engine/packed-row.ts'

describe('ForestGrowth', () => {
  it('counts the columns of the forest while it grows', () => {
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
