import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { packedRowSize } from '../../../../src/engine/packed-row.ts'
import { rowGroups } from '../../../../src/engine/process/sharing/pass-plan.ts'

const texts = fc.array(
  fc.array(fc.nat(1), { minLength: 1, maxLength: 10 }).map((ids) => Int32Array.from(ids)),
  { minLength: 1, maxLength: 10 }
)

describe('rowGroups', () => {
  it('has every sequence in one row, and no row of several beyond the longest', () => {
    fc.assert(
      fc.property(texts, fc.nat(20), (fed, longestRow) => {
        const groups = rowGroups(fed, longestRow)
        assert.deepEqual(
          groups.flat().sort((a, b) => a - b),
          [...fed.keys()]
        )
        for (const group of groups) assert.ok(group.length === 1 || packedRowSize(group.map((index) => fed[index]!)) <= longestRow)
      })
    )
  })

  it('keeps together what fits', () => {
    assert.deepEqual(rowGroups([Int32Array.of(1, 2), Int32Array.of(1, 3)], 3), [[0, 1]])
  })
})
