import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { packedPass } from '../../../../src/engine/process/sharing/packed-pass.ts'

const NO_PREFIX = { length: 0, past: null }
const sequence = (...ids: number[]) => ({ ids: Int32Array.from(ids), firstScored: 1 })
/** The columns to which each row may attend. */
function visibleColumns(bias: Float32Array | null, rows: number): number[][] {
  const width = (bias?.length ?? 0) / rows
  return Array.from({ length: rows }, (_, i) => Array.from({ length: width }, (_, j) => j).filter((j) => bias![i * width + j] === 0))
}

describe('packedPass', () => {
  it('feeds a common prefix once, with positions that continue from it on every branch', () => {
    const { pass } = packedPass([sequence(0, 5, 6, 9), sequence(0, 5, 7, 8, 9)], NO_PREFIX)
    assert.deepEqual([...pass.ids], [0, 5, 6, 7, 8])
    assert.deepEqual([...pass.positions], [0, 1, 2, 2, 3])
    assert.deepEqual([pass.B, pass.S, pass.lengths], [1, 5, [5]])
  })

  it('lets each token attend to its own predecessors alone', () => {
    const { pass } = packedPass([sequence(0, 5, 6, 9), sequence(0, 5, 7, 8, 9)], NO_PREFIX)
    assert.deepEqual(visibleColumns(pass.bias, 5), [[0], [0, 1], [0, 1, 2], [0, 1, 3], [0, 1, 3, 4]])
  })

  it('lets every token attend to the known prefix', () => {
    const prefix = { length: 2, past: new Map() }
    const { pass } = packedPass([sequence(0, 5, 6, 9), sequence(0, 5, 7, 8, 9)], prefix)
    assert.deepEqual([...pass.ids], [6, 7, 8])
    assert.deepEqual([...pass.positions], [2, 2, 3])
    assert.deepEqual(visibleColumns(pass.bias, 3), [
      [0, 1, 2],
      [0, 1, 3],
      [0, 1, 3, 4]
    ])
  })

  it('has no bias for a row without branches', () => {
    assert.equal(packedPass([sequence(0, 5, 6, 9)], NO_PREFIX).pass.bias, null)
    assert.equal(packedPass([sequence(0, 5, 6, 9), sequence(0, 5, 6, 7)], NO_PREFIX).pass.bias, null)
  })

  it('computes a row that several sequences need once', () => {
    const { wanted } = packedPass([sequence(0, 5, 6), sequence(0, 5, 7)], NO_PREFIX).pass
    // Both score token 5 after token 0; the same row predicts tokens 6 and 7.
    assert.deepEqual(
      [[...wanted.rows], [...wanted.targets]],
      [
        [0, 1, 1],
        [5, 6, 7]
      ]
    )
    assert.deepEqual(
      wanted.ofSequence.map((rows) => [...rows]),
      [
        [0, 1],
        [0, 2]
      ]
    )
  })

  it('computes no row of the known prefix except that of its last token', () => {
    const { wanted } = packedPass([sequence(0, 5, 6, 9)], { length: 2, past: new Map() }).pass
    assert.deepEqual([[...wanted.rows], [...wanted.targets]], [[0], [9]])
  })
})
