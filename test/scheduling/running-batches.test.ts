import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { RunningBatches } from '../../src/scheduling/running-batches.ts'

const batchOf = (tokens: number, startedAtMs: number) => ({ groups: [], tokens, startedAtMs, isSaturated: true })

describe('RunningBatches.capacity', () => {
  it('is free now when nothing runs', () => {
    assert.deepEqual(new RunningBatches(1).capacity(2, 100, 0), { msPerToken: 2, freeAtMs: 100, batchMs: 0 })
  })

  it('is free after the rest of the running batch and the tokens that precede all requests', () => {
    const running = new RunningBatches(1)
    running.add(batchOf(50, 80))
    assert.deepEqual(running.capacity(2, 100, 10), { msPerToken: 2, freeAtMs: 80 + 2 * 50 + 2 * 10, batchMs: 0 })
    assert.deepEqual(running.capacity(2, 500, 0), { msPerToken: 2, freeAtMs: 500, batchMs: 0 })
  })

  it('counts several engines as one with their joint speed', () => {
    const running = new RunningBatches(2)
    running.add(batchOf(50, 100))
    assert.deepEqual([running.isFull, running.capacity(2, 100, 0)], [false, { msPerToken: 1, freeAtMs: 150, batchMs: 0 }])
    running.add(batchOf(30, 100))
    assert.deepEqual([running.isFull, running.capacity(2, 100, 0)], [true, { msPerToken: 1, freeAtMs: 180, batchMs: 0 }])
  })

  it('takes the time of one engine for the next batch', () => {
    assert.equal(new RunningBatches(2).capacity(2, 100, 0, 50).batchMs, 100)
  })
})
