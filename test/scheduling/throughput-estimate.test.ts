import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ThroughputEstimate } from '../../src/scheduling/throughput-estimate.ts'

describe('ThroughputEstimate', () => {
  const CASES: readonly [number, number][] = [
    [0, 1],
    [1000, 1],
    [1001, 2],
    [59_500, 60],
    [1_000_000, 60]
  ]
  for (const [tokens, seconds] of CASES) {
    it(`gives ${tokens} tokens ${seconds} s at the 1000 a second it begins with`, () => assert.equal(new ThroughputEstimate().secondsFor(tokens), seconds))
  }

  it('moves a fifth of the way to each batch', () => {
    const estimate = new ThroughputEstimate()
    // 2000 tokens a second: 1000 + 0.2 * (2000 - 1000) = 1200
    estimate.observe(1000, 500)
    assert.deepEqual([estimate.secondsFor(2400), estimate.secondsFor(2401)], [2, 3])
  })

  it('comes to the speed that lasts', () => {
    const estimate = new ThroughputEstimate()
    for (let i = 0; i < 100; i++) estimate.observe(10, 100)
    assert.equal(estimate.secondsFor(500), 5)
  })

  it('stays a number when a batch takes no time', () => {
    const estimate = new ThroughputEstimate()
    estimate.observe(10, 0)
    assert.equal(estimate.secondsFor(1), 1)
  })
})
