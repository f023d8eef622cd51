import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type LogProbSums, logProbSums, type PartSizes } from '../../src/scoring/scored-sequence.ts'
import { sequenceOf } from '../support/scored-sequence.ts'

/** Powers of two, so that every sum is exact and says which tokens are in it. */
const CASES: readonly [string, Partial<PartSizes>, readonly (number | null)[], LogProbSums][] = [
  [
    'x and y after a prefix token',
    { prefix: 1, x: 2, y: 2 },
    [null, -1, -2, -4, -8],
    { joint: -15, marginal: -3, conditional: -12, eos: null, isConditionalOnFirstToken: false }
  ],
  [
    'an end token',
    { prefix: 1, x: 1, y: 1, eos: 1 },
    [null, -1, -2, -4],
    { joint: -7, marginal: -1, conditional: -6, eos: -4, isConditionalOnFirstToken: false }
  ],
  ['an end token alone', { prefix: 1, x: 1, eos: 1 }, [null, -1, -2], { joint: -3, marginal: -1, conditional: -2, eos: -2, isConditionalOnFirstToken: false }],
  ['an empty x', { prefix: 1, y: 2 }, [null, -1, -2], { joint: -3, marginal: 0, conditional: -3, eos: null, isConditionalOnFirstToken: false }],
  ['no prefix token', { x: 2, y: 1 }, [null, -1, -2], { joint: -3, marginal: -1, conditional: -2, eos: null, isConditionalOnFirstToken: true }],
  [
    'no prefix token and one token of x',
    { x: 1, y: 1 },
    [null, -1],
    { joint: -1, marginal: null, conditional: -1, eos: null, isConditionalOnFirstToken: true }
  ],
  [
    'an x that was not scored',
    { prefix: 1, x: 2, y: 1 },
    [null, null, null, -4],
    { joint: null, marginal: null, conditional: -4, eos: null, isConditionalOnFirstToken: false }
  ],
  [
    'a y that was not scored',
    { prefix: 1, x: 1, y: 1, eos: 1 },
    [null, -1, null, null],
    { joint: null, marginal: -1, conditional: null, eos: null, isConditionalOnFirstToken: false }
  ],
  [
    'one token of x that was not scored',
    { prefix: 1, x: 2, y: 1 },
    [null, null, -2, -4],
    { joint: null, marginal: null, conditional: -4, eos: null, isConditionalOnFirstToken: false }
  ]
]

const scored = fc
  .record({ x: fc.nat(20), y: fc.nat(20), eos: fc.nat(1) })
  .chain((sizes) =>
    fc
      .array(fc.double({ min: -50, max: 0, noNaN: true }), { minLength: sizes.x + sizes.y + sizes.eos, maxLength: sizes.x + sizes.y + sizes.eos })
      .map((values) => sequenceOf({ prefix: 1, ...sizes }, [null, ...values]))
  )

describe('logProbSums', () => {
  for (const [what, sizes, logProbs, expected] of CASES) it(`sums ${what}`, () => assert.deepEqual(logProbSums(sequenceOf(sizes, logProbs)), expected))

  it('has joint = marginal + conditional', () => {
    fc.assert(
      fc.property(scored, (sequence) => {
        const { joint, marginal, conditional } = logProbSums(sequence)
        assert.ok(Math.abs(joint! - (marginal! + conditional!)) <= 1e-9 * Math.max(1, Math.abs(joint!)))
      })
    )
  })

  it('has joint <= marginal, exactly', () => {
    fc.assert(
      fc.property(scored, (sequence) => {
        const { joint, marginal } = logProbSums(sequence)
        assert.ok(joint! <= marginal!)
      })
    )
  })

  it('keeps a small conditional beside a large marginal, which subtraction in float32 would lose', () => {
    const { conditional } = logProbSums(sequenceOf({ prefix: 1, x: 1, y: 1 }, [null, -1e9, -1e-9]))
    assert.equal(conditional, -1e-9)
  })
})
