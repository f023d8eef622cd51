import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PortionSize } from '../../src/logprob/item-source.ts'

describe('the size of a portion', () => {
  const after = (...measured: readonly (readonly [elapsedMs: number, sizeBytes: number])[]): number => {
    const size = new PortionSize()
    for (const [elapsedMs, sizeBytes] of measured) size.measured({ items: size.items, elapsedMs, sizeBytes })
    return size.items
  }

  test('doubles at most while portions are quick, up to what one batch is planned from', () => {
    assert.equal(after([1, 1]), 256)
    assert.equal(after([1, 1], [1, 1], [1, 1], [1, 1], [1, 1]), 1024)
  })

  test('comes to some seconds of work', () => {
    assert.equal(after([10_000, 1]), 64)
    assert.equal(after([4000, 1]), 160)
    assert.equal(after(...Array.from({ length: 20 }, () => [60_000, 1] as const)), 1)
  })

  test('is small where results are long', () => {
    assert.equal(after([1, 16 << 20]), 64)
  })

  test('begins small where the longest result is long', () => {
    assert.equal(new PortionSize(1000).items, 128)
    assert.equal(new PortionSize(1 << 20).items, 8)
    assert.equal(new PortionSize(1 << 30).items, 1)
  })
})
