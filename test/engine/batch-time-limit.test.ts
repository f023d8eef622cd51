import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BatchTimeLimit } from '../../src/engine/batch-time-limit.ts'
import type { Batch, BatchScores, RowScores } from '../../src/engine/engine.ts'

/** `rows` sequences of which `tokens` are fed. */
function batch(rows: number, tokens: number): Batch {
  return { sequences: Array.from({ length: rows }, () => ({ ids: new Int32Array(tokens + 1), firstScored: 1 })), topCount: null }
}

/** What the engine returns for a batch of which every token was computed. */
function took(runMs: number): Pick<BatchScores, 'rows' | 'runMs'> {
  return { rows: [], runMs }
}

describe('BatchTimeLimit', () => {
  it('allows the whole batch timeout before the first batch, and for a second attempt', () => {
    const limit = new BatchTimeLimit(60_000)
    assert.equal(limit.limitMs(batch(1, 100), 1), 60_000)
    limit.observe(batch(1, 100), took(20))
    assert.equal(limit.limitMs(batch(1, 100), 2), 60_000)
  })

  it('allows 10 s for a short batch and five times the expected time for a long one, up to the batch timeout', () => {
    const limit = new BatchTimeLimit(60_000)
    // 4 ms for each token of a short row.
    for (let i = 0; i < 20; i++) limit.observe(batch(10, 100), took(4000))
    assert.equal(limit.limitMs(batch(1, 100), 1), 10_000)
    assert.equal(Math.round(limit.limitMs(batch(10, 100), 1)), 20_000)
    assert.equal(Math.round(limit.limitMs(batch(20, 100), 1)), 40_000)
    assert.equal(limit.limitMs(batch(100, 100), 1), 60_000)
  })

  it('never allows more than the batch timeout', () => {
    const limit = new BatchTimeLimit(1500)
    limit.observe(batch(1, 100), took(20))
    assert.equal(limit.limitMs(batch(1, 100), 1), 1500)
  })

  it('expects more of a long row than of short ones with as many tokens', () => {
    const limit = new BatchTimeLimit(1e9)
    for (let i = 0; i < 20; i++) limit.observe(batch(10, 100), took(4000))
    assert.ok(limit.limitMs(batch(1, 8000), 1) > 10 * limit.limitMs(batch(80, 100), 1))
  })

  it('expects of tokens without cache what computed tokens took', () => {
    const limit = new BatchTimeLimit(1e9)
    const row = { work: { computedTokens: 10, cachedTokens: 990 } } as unknown as RowScores
    for (let i = 0; i < 20; i++) limit.observe(batch(1, 1000), { rows: [row], runMs: 100 })
    assert.equal(Math.round(limit.limitMs(batch(1, 1000), 1)), 50_000)
  })

  it('follows a machine that becomes slower', () => {
    const limit = new BatchTimeLimit(1e9)
    for (let i = 0; i < 20; i++) limit.observe(batch(10, 100), took(1000))
    for (let i = 0; i < 20; i++) limit.observe(batch(10, 100), took(10_000))
    assert.ok(limit.limitMs(batch(10, 100), 1) > 45_000)
  })
})
