import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { packedPass } from '../../../../src/engine/process/sharing/packed-pass.ts'

const NOTHING = { length: 0, past: null }
const sequence = (...ids: number[]) => ({ ids: Int32Array.from(ids), firstScored: 1 })
/** Which columns each row may see. */
function seen(bias: Float32Array | null, rows: number): number[][] {
  const width = (bias?.length ?? 0) / rows
  return Array.from({ length: rows }, (_, i) => Array.from({ length: width }, (_, j) => j).filter((j) => bias![i * width + j] === 0))
}

describe('packedPass', () => {
  it('feeds what sequences share once, with positions that go on from it on every branch', () => {
    const { pass } = packedPass([sequence(0, 5, 6, 9), sequence(0, 5, 7, 8, 9)], NOTHING)
    assert.deepEqual([...pass.ids], [0, 5, 6, 7, 8])
    assert.deepEqual([...pass.positions], [0, 1, 2, 2, 3])
    assert.deepEqual([pass.B, pass.S, pass.lengths], [1, 5, [5]])
  })

  it('shows each token its own predecessors', () => {
    const { pass } = packedPass([sequence(0, 5, 6, 9), sequence(0, 5, 7, 8, 9)], NOTHING)
    assert.deepEqual(seen(pass.bias, 5), [[0], [0, 1], [0, 1, 2], [0, 1, 3], [0, 1, 3, 4]])
  })

  it('shows every token the known prefix', () => {
    const prefix = { length: 2, past: new Map() }
    const { pass } = packedPass([sequence(0, 5, 6, 9), sequence(0, 5, 7, 8, 9)], prefix)
    assert.deepEqual([...pass.ids], [6, 7, 8])
    assert.deepEqual([...pass.positions], [2, 2, 3])
    assert.deepEqual(seen(pass.bias, 3), [
      [0, 1, 2],
      [0, 1, 3],
      [0, 1, 3, 4]
    ])
  })

  it('hides nothing in a single text', () => {
    assert.equal(packedPass([sequence(0, 5, 6, 9)], NOTHING).pass.bias, null)
    assert.equal(packedPass([sequence(0, 5, 6, 9), sequence(0, 5, 6, 7)], NOTHING).pass.bias, null)
  })

  it('asks for a row that several sequences want once, and says whose it is', () => {
    const { wanted } = packedPass([sequence(0, 5, 6), sequence(0, 5, 7)], NOTHING).pass
    // Both want token 5 behind token 0; token 6 and token 7 are predicted by the same row.
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

  it('asks for no row within the known prefix but for that of its last token', () => {
    const { wanted } = packedPass([sequence(0, 5, 6, 9)], { length: 2, past: new Map() }).pass
    assert.deepEqual([[...wanted.rows], [...wanted.targets]], [[0], [9]])
  })
})
