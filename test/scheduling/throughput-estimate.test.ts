import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { retryAfterSeconds, ThroughputEstimate } from '../../src/scheduling/throughput-estimate.ts'
import { present } from '../support/present.ts'

/** An estimate after so many saturated batches of 100 tokens, each of `elapsedMs`. */
function after(batches: number, elapsedMs: number): ThroughputEstimate {
  const estimate = new ThroughputEstimate()
  for (let i = 0; i < batches; i++) estimate.observe(100, elapsedMs, true)
  return estimate
}

function near(actual: number | null, expected: number): void {
  assert.ok(actual !== null && Math.abs(actual - expected) <= 1e-9 * expected, `${actual}, expected ${expected}`)
}

describe('ThroughputEstimate', () => {
  it('gives no speed before a second of computing was observed', () => {
    assert.equal(after(9, 100).msPerToken, null)
    near(after(14, 100).msPerToken, 1)
  })

  it('converges to the current speed', () => {
    const estimate = after(100, 1000)
    near(estimate.msPerToken, 10)
    // A minute later exp(-30) of the old sums is left.
    for (let i = 0; i < 60; i++) estimate.observe(1000, 1000, true)
    assert.ok(present(estimate.msPerToken) < 1.01, `${estimate.msPerToken}`)
  })

  it('weights batches by their tokens', () => {
    const estimate = new ThroughputEstimate()
    estimate.observe(1, 1, true)
    estimate.observe(1000, 2000, true)
    const rest = Math.exp(-1)
    near(estimate.msPerToken, (rest + 2000) / (rest + 1000))
  })

  it('ignores the small, slow batches of an idle service', () => {
    const estimate = after(20, 100)
    for (let i = 0; i < 100; i++) estimate.observe(1, 100, false)
    near(estimate.msPerToken, 1)
    const unseen = new ThroughputEstimate()
    for (let i = 0; i < 100; i++) unseen.observe(1, 100, false)
    assert.equal(unseen.msPerToken, null)
  })

  it('learns from a faster batch of an idle service', () => {
    const estimate = after(20, 100)
    for (let i = 0; i < 50; i++) estimate.observe(1000, 500, false)
    assert.ok(present(estimate.msPerToken) < 0.6, `${estimate.msPerToken}`)
  })

  it('stays finite when batches take no time', () => {
    const estimate = after(20, 100)
    for (let i = 0; i < 20; i++) estimate.observe(10, 0, true)
    assert.ok(Number.isFinite(estimate.msPerToken))
  })

  it('assumes 1000 tokens per second before any measurement, for Retry-After alone', () => {
    assert.deepEqual([new ThroughputEstimate().assumedMsPerToken, new ThroughputEstimate().msPerToken], [1, null])
    near(after(100, 1000).assumedMsPerToken, 10)
  })
})

describe('retryAfterSeconds', () => {
  it('returns seconds from 1 to 60', () => assert.deepEqual([-5, 0, 1000, 1500, 1e9].map(retryAfterSeconds), [1, 1, 1, 1.5, 60]))
})
