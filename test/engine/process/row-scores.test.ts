import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RowDetail } from '../../../src/engine/engine.ts'
import { joinRows, type Rows } from '../../../src/engine/process/row-scores.ts'

const rows = (values: readonly number[], detail: RowDetail | null = null): Rows => ({
  logProbs: Float32Array.from(values),
  logSumExps: Float32Array.from(values, (value) => value + 1),
  bestIds: Int32Array.from(values, (value) => -value),
  bestLogProbs: Float32Array.from(values, (value) => value / 2),
  checksums: Int32Array.from(values, (value) => 3 * value),
  detail
})
const detail = (...ranks: number[]): RowDetail => ({
  ranks: Int32Array.from(ranks),
  entropies: Float32Array.from(ranks),
  probSquareSums: Float32Array.from(ranks),
  topCount: 2,
  topIds: Int32Array.from(ranks.flatMap((rank) => [rank, rank + 1])),
  topLogProbs: Float32Array.from(ranks.flatMap((rank) => [-rank, -rank - 1]))
})

describe('joinRows', () => {
  it('joins rows in order', () => {
    assert.deepEqual(joinRows([rows([-1, -2]), rows([-3])]), rows([-1, -2, -3]))
  })

  it('joins details', () => {
    assert.deepEqual(joinRows([rows([-1], detail(1)), rows([-2], detail(3))]), rows([-1, -2], detail(1, 3)))
  })

  it('ignores parts without rows', () => {
    assert.deepEqual(joinRows([rows([]), rows([-2], detail(3))]), rows([-2], detail(3)))
  })
})
