import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type LogProbSums, logProbSums, type Part, type PartSizes, partAt, rangeOf } from '../../src/scoring/scored-sequence.ts'
import { sequenceOf } from '../support/scored-sequence.ts'

const PARTS: readonly Part[] = ['prefix', 'x', 'y', 'eos']
const SIZES = { prefix: 1, x: 3, y: 2, eos: 1 }

describe('rangeOf', () => {
  const RANGES: readonly [Part, number, number][] = [
    ['prefix', 0, 1],
    ['x', 1, 4],
    ['y', 4, 6],
    ['eos', 6, 7]
  ]
  for (const [part, start, end] of RANGES) it(`puts ${part} from ${start} to ${end}`, () => assert.deepEqual(rangeOf(SIZES, part), { start, end }))

  it('gives an empty part an empty range at its place', () => {
    assert.deepEqual(rangeOf({ prefix: 0, x: 2, y: 0, eos: 1 }, 'y'), { start: 2, end: 2 })
  })
})

describe('partAt', () => {
  it('returns the part of every position', () => {
    assert.deepEqual(
      Array.from({ length: 7 }, (_, position) => partAt(SIZES, position)),
      ['prefix', 'x', 'x', 'x', 'y', 'y', 'eos']
    )
  })

  it('agrees with rangeOf', () => {
    const sizes = fc.record({ prefix: fc.nat(1), x: fc.nat(5), y: fc.nat(5), eos: fc.nat(1) })
    fc.assert(
      fc.property(sizes, (some) => {
        for (const part of PARTS) {
          const { start, end } = rangeOf(some, part)
          for (let position = start; position < end; position++) assert.equal(partAt(some, position), part)
        }
      })
    )
  })
})

/** Powers of two: every sum is exact and shows which tokens it contains. */
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
  [
    'a y of an end token only',
    { prefix: 1, x: 1, eos: 1 },
    [null, -1, -2],
    { joint: -3, marginal: -1, conditional: -2, eos: -2, isConditionalOnFirstToken: false }
  ],
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

  it('keeps a small conditional next to a large marginal, which a subtraction would lose', () => {
    const { conditional } = logProbSums(sequenceOf({ prefix: 1, x: 1, y: 1 }, [null, -1e9, -1e-9]))
    assert.equal(conditional, -1e-9)
  })
})
