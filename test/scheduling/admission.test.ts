import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { retryAfterSeconds, ThroughputEstimate } from '../../src/scheduling/admission.ts'
import { present } from '../support/present.ts'

/** After so many saturated batches of 100 tokens, each of `elapsedMs`. */
function after(batches: number, elapsedMs: number): ThroughputEstimate {
  const estimate = new ThroughputEstimate()
  for (let i = 0; i < batches; i++) estimate.observe(100, elapsedMs, true)
  return estimate
}

function near(actual: number | null, expected: number): void {
  assert.ok(actual !== null && Math.abs(actual - expected) <= 1e-9 * expected, `${actual}, expected ${expected}`)
}

describe('ThroughputEstimate', () => {
  it('says nothing before a second of computing was seen', () => {
    assert.equal(after(9, 100).msPerToken, null)
    near(after(12, 100).msPerToken, 1)
  })

  it('comes to the speed that lasts', () => {
    const estimate = after(100, 1000)
    near(estimate.msPerToken, 10)
    // A minute later nearly nothing is left of it: exp(-12) of the old sums.
    for (let i = 0; i < 60; i++) estimate.observe(1000, 1000, true)
    assert.ok(present(estimate.msPerToken) < 1.01, `${estimate.msPerToken}`)
  })

  it('weighs batches by what they compute, not each alike', () => {
    const estimate = new ThroughputEstimate()
    estimate.observe(1, 1, true)
    estimate.observe(1000, 2000, true)
    const rest = Math.exp(-0.4)
    near(estimate.msPerToken, (rest + 2000) / (rest + 1000))
  })

  it('does not take the small batches of an idle service for its speed', () => {
    const estimate = after(20, 100)
    for (let i = 0; i < 100; i++) estimate.observe(1, 100, false)
    near(estimate.msPerToken, 1)
    const unseen = new ThroughputEstimate()
    for (let i = 0; i < 100; i++) unseen.observe(1, 100, false)
    assert.equal(unseen.msPerToken, null)
  })

  it('learns from an idle service that was faster', () => {
    const estimate = after(20, 100)
    for (let i = 0; i < 50; i++) estimate.observe(1000, 500, false)
    assert.ok(present(estimate.msPerToken) < 0.6, `${estimate.msPerToken}`)
  })

  it('stays a number when batches take no time', () => {
    const estimate = after(20, 100)
    for (let i = 0; i < 20; i++) estimate.observe(10, 0, true)
    assert.ok(Number.isFinite(estimate.msPerToken))
  })

  it('takes 1000 tokens a second for what was never seen', () => {
    assert.deepEqual(
      [0, 1000, 1001, 1_000_000].map((tokens) => new ThroughputEstimate().secondsFor(tokens)),
      [1, 1, 2, 60]
    )
    assert.equal(after(100, 1000).secondsFor(500), 5)
  })
})

describe('retryAfterSeconds', () => {
  it('gives whole seconds from 1 to 60', () => assert.deepEqual([-5, 0, 1000, 1001, 1e9].map(retryAfterSeconds), [1, 1, 1, 2, 60]))
})
