import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { widestPass } from '../../../../src/engine/process/sharing/model-sharing.ts'

describe('widestPass', () => {
  it('returns the widest pass whose attention scores, at 16 bytes per head, row and column, fit', () => {
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

  it('is never narrower than 64 columns, and unbounded for fused attention', () => {
    assert.equal(widestPass(100_000, 1, 12), 64)
    assert.ok(widestPass(0, 1, 0) > 1e9)
  })
})
