import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { widestPass } from '../../../../src/engine/process/sharing/model-sharing.ts'
import { longTextChunks } from '../../../../src/engine/process/sharing/pass-plan.ts'
import { present } from '../../../support/present.ts'

describe('longTextPieces', () => {
  const pieces = (length: number, firstScored: number, past: number, width: number, targets?: Int32Array) => [
    ...longTextChunks({ ids: Int32Array.from({ length }, (_, i) => i), firstScored, ...(targets ? { targets } : {}) }, past, () => width)
  ]

  it('leaves a text that fits to the last pass', () => {
    assert.deepEqual(pieces(11, 1, 0, 10), [])
  })

  it('feeds no more than the width at a time, each piece from where the one before ended', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 200 }), fc.integer({ min: 1, max: 50 }), fc.nat(100), (length, width, past) => {
        const start = Math.min(past, length - 2)
        const ends = [start, ...pieces(length, 1, start, width).map(({ sequence }) => sequence.ids.length - 1), length - 1]
        ends.slice(1).forEach((end, i) => {
          assert.ok(end > ends[i]! && end - ends[i]! <= width)
        })
      })
    )
  })

  it('has rows of the text only behind its first scored token, and one of no use before', () => {
    const [first, second] = pieces(31, 15, 0, 10)
    assert.deepEqual([first?.isWanted, first?.sequence.firstScored, first?.sequence.ids.length], [false, 10, 11])
    assert.deepEqual([second?.isWanted, second?.sequence.firstScored], [true, 15])
  })

  it('gives each piece the labels of its own rows', () => {
    const [first] = pieces(
      21,
      8,
      0,
      10,
      Int32Array.from({ length: 13 }, (_, i) => 100 + i)
    )
    assert.deepEqual([...present(first?.sequence.targets)], [100, 101, 102])
  })
})

describe('widestPass', () => {
  it('is the widest whose scores, 16 bytes a head, row and column, fit', () => {
    for (const [past, heads, bytes] of [
      [0, 12, 200e6],
      [800, 12, 200e6],
      [4000, 32, 400e6]
    ] as const) {
      const width = widestPass(past, bytes, heads)
      assert.ok(16 * heads * width * (past + width) <= bytes)
      assert.ok(16 * heads * (width + 1) * (past + width + 1) > bytes)
    }
  })

  it('has a least width, and no bound where no scores are written', () => {
    assert.equal(widestPass(100_000, 1, 12), 64)
    assert.ok(widestPass(0, 1, 0) > 1e9)
  })
})
