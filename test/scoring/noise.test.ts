import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { calibratedTolerance, noiseOf } from '../../src/scoring/noise.ts'

describe('noiseOf', () => {
  it('is 0 without tokens', () => assert.deepEqual(noiseOf([]), { max: 0, p999: 0, tokens: 0 }))

  it('equals the maximum for up to a thousand tokens', () => {
    assert.deepEqual(noiseOf([0.25, 0.5, 0]), { max: 0.5, p999: 0.5, tokens: 3 })
  })

  it('leaves one token in a thousand out of the quantile, in any order', () => {
    const differences = Array.from({ length: 2000 }, (_, i) => ((i * 7) % 2000) / 1000)
    assert.deepEqual(noiseOf(differences), { max: 1.999, p999: 1.997, tokens: 2000 })
  })

  it('is infinite if passes cannot be compared', () => assert.equal(noiseOf([0, Number.POSITIVE_INFINITY]).max, Number.POSITIVE_INFINITY))
})

describe('calibratedTolerance', () => {
  const CASES: readonly [string, number, number][] = [
    ['a tenth of the ceiling without noise', 0, 0.1],
    ['a tenth of the ceiling for little noise', 0.02, 0.1],
    ['four times the noise', 0.125, 0.5],
    ['at most the ceiling', 0.3, 1],
    ['the ceiling for infinite noise', Number.POSITIVE_INFINITY, 1]
  ]
  for (const [what, p999, expected] of CASES) {
    it(`is ${what}`, () => assert.equal(calibratedTolerance({ max: p999, p999, tokens: 50 }, 1), expected))
  }

  it('is between a tenth of the ceiling and the ceiling, and above the measured noise if the ceiling allows', () => {
    const differences = fc.array(fc.double({ min: 0, max: 10, noNaN: true }), { maxLength: 50 })
    fc.assert(
      fc.property(differences, fc.double({ min: 1e-6, max: 10, noNaN: true }), (all, ceiling) => {
        const noise = noiseOf(all)
        const tolerance = calibratedTolerance(noise, ceiling)
        assert.ok(tolerance >= 0.1 * ceiling && tolerance <= ceiling)
        assert.ok(tolerance >= Math.min(ceiling, noise.max))
      })
    )
  })
})
